//! Auth certificate: lets in who has shown a good certificate, under the name in it.
//!
//! | | |
//! |---|---|
//! | emqttd | none; certificates came with EMQ 2 |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the connection's turn |
//! | Waits for | nobody |
//! | Waited for by | `client` on CONNECT |
//! | If it dies | a client at which it panics is not let in |
//! | Watch | event `client.refused` |

use std::time::Duration;

use castmq_mqtt::Text;
use castmq_settings::CertificateUserName;

use crate::access_control::{Authenticator, Credentials, Finding, Grant, UserName};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthCertificate;

impl Authenticator for AuthCertificate {
    fn name(&self) -> &'static str {
        "client_certificate"
    }

    fn authenticate(&self, credentials: &Credentials) -> Finding {
        let Some(certificate) = &credentials.certificate else {
            return Finding::Ignore;
        };
        // Whatever CONNECT says: the name in the certificate is the one that was proven.
        let name = match credentials.profile.named_by {
            CertificateUserName::Subject => &certificate.subject,
            CertificateUserName::None | CertificateUserName::CommonName => &certificate.common_name,
        };
        match Text::try_from(name.as_str()) {
            Ok(name) if !name.is_empty() => Finding::Known(Box::new(Grant {
                user_name: UserName::Proven(name),
                // It would not be let in afterwards.
                expires: certificate.expires.map(Duration::from_secs),
                ..Grant::default()
            })),
            _ => Finding::wrong("its certificate names nobody"),
        }
    }
}
