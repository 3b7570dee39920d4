//! Auth clientid: lets in clients that are known by their identifier and the address that they connect from.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_auth_clientid` |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the connection's turn |
//! | Waits for | nobody |
//! | Waited for by | `client` on CONNECT |
//! | If it dies | a client at which it panics is not let in |
//! | Watch | event `client.refused` |

// differs: emqttd's takes its clients from a file of its own, with one address each or a password; here they
// stand in the settings, with ranges of addresses, and passwords are the password file's.

use std::collections::BTreeMap;

use castmq_otp::Peer;
use castmq_rules::ClientId;
use castmq_rules::access::Network;
use castmq_settings::KnownClient;

use crate::access_control::{Authenticator, Credentials, Finding, Grant, UserName};

/// See the module.
#[derive(Debug)]
pub struct AuthClientid {
    clients: BTreeMap<String, Vec<Network>>,
}

impl AuthClientid {
    /// The module for these clients.
    #[must_use]
    pub fn new(clients: &[KnownClient]) -> Self {
        let of = |known: &KnownClient| {
            let addresses = known.addresses.iter();
            let networks = addresses
                .filter_map(|network| network.parse().ok())
                .collect();
            (known.client.clone(), networks)
        };
        Self {
            clients: clients.iter().map(of).collect(),
        }
    }
}

impl Authenticator for AuthClientid {
    fn name(&self) -> &'static str {
        "clientid"
    }

    // emqttd: emqttd_auth_clientid:check/3
    fn authenticate(&self, credentials: &Credentials) -> Finding {
        let Some(networks) = self.clients.get(credentials.client_id.as_str()) else {
            return Finding::Ignore;
        };
        let is_from = |network: &Network| match credentials.peer {
            Peer::Network(address) => network.contains(address.ip()),
            Peer::Unix => false,
        };
        if networks.is_empty() || networks.iter().any(is_from) {
            // Known by its identifier alone, so that a name that it gives is nobody's.
            return Finding::Known(Box::new(Grant {
                user_name: UserName::Nobody,
                ..Grant::default()
            }));
        }
        Finding::wrong("the client connects from an address that is not one of its own")
    }

    fn still_holds(&self, _: &Grant, client_id: &ClientId, _: Option<&str>) -> bool {
        self.clients.contains_key(client_id.as_str())
    }
}
