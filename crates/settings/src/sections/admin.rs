//! The admin interface, and what is for those who look for faults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::Kind;
use crate::declare::{choice, section};

const PATH_MAX: u64 = 4096;

choice! {
    /// What somebody may do over the admin interface.
    AdminRole {
        /// Look at everything but what messages hold.
        Viewer = "viewer",
        /// Change things too, and see what messages hold.
        Admin = "admin",
    }
}

section! {
    /// A token of the admin interface: a long random text that a program shows.
    AdminToken {
        /// Whose it is; it stands in the audit.
        name: String = "token".to_owned(), Kind::Text { most: 64 };
        /// SHA-256 of the token, as 64 hexadecimal digits.
        sha256: String = String::new(), Kind::OptionalText { most: 64 };
        /// What its bearer may do.
        role: AdminRole = AdminRole::Viewer, AdminRole::kind();
    }
}

section! {
    /// TLS of the admin interface.
    AdminTls {
        /// The certificate with its chain, in PEM. Empty: no TLS.
        certificate: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// Its key, in PEM.
        key: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
    }
}

section! {
    /// The admin interface: HTTP, for `castmq ctl`, Prometheus and browsers.
    Admin {
        /// Whether there is one.
        enabled: bool = true, Kind::Flag;
        /// Host and port; port 0 lets the system choose. On another address than loopback it needs
        /// users or tokens.
        address: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 18083)), Kind::Address;
        /// Users, each as a line of `castmq passwd`: `name:hash`, with `:superuser` behind it for
        /// the role admin.
        users: Vec<String> = Vec::new(), Kind::Texts { most: 4096 };
        /// A file of `castmq passwd` with users. Empty: none.
        password_file: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// Tokens.
        tokens: Vec<AdminToken> = Vec::new(), Kind::list::<AdminToken>();
        /// Names besides `localhost` under which browsers on this machine may call it without a
        /// password.
        hosts: Vec<String> = Vec::new(), Kind::Texts { most: 255 };
        /// Connections at a time; further ones are closed at once.
        max_connections: u32 = 64, Kind::whole(1, 65_535);
        /// Live updates that wait for one slow reader; beyond that the oldest are lost, which it is
        /// told.
        events_buffer: u32 = 256, Kind::whole(1, 65_535);
        /// TLS.
        tls: AdminTls = AdminTls::default(), Kind::group::<AdminTls>();
    }
}

section! {
    /// For those who look for faults.
    Debug {
        /// Faults may be made on purpose over the admin interface: processes that pause, are slow, lose
        /// what they are told, or fail.
        fault_injection: bool = false, Kind::Flag;
    }
}
