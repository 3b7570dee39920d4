//! Auth anonymous: lets in who does not say who it is.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_auth_anonymous` |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the connection's turn |
//! | Waits for | nobody |
//! | Waited for by | `client` on CONNECT |
//! | If it dies | a client at which it panics is not let in |
//! | Watch | event `client.refused` |

// differs: emqttd's lets in everybody, whatever name they give, so that a name means nothing.

use crate::access_control::{Authenticator, Credentials, Finding};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthAnonymous;

impl Authenticator for AuthAnonymous {
    fn name(&self) -> &'static str {
        "anonymous"
    }

    // emqttd: emqttd_auth_anonymous:check/3
    fn authenticate(&self, credentials: &Credentials) -> Finding {
        if credentials.user_name.is_none() {
            Finding::known()
        } else {
            Finding::Ignore
        }
    }
}
