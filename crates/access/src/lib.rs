//! Who a client is and what it may do: password files, tokens, rules.
//!
//! Everything here is a function of its arguments: texts of files, what a client sent, and the time.
//! Whoever calls reads the files, sends the requests and chooses the thread: [`PasswordHash::verify`]
//! and [`PasswordFile::check`] take tens of milliseconds by design and belong into a pool.
//!
//! | what | where |
//! |---|---|
//! | rules as TOML, with the meaning of emqttd's `acl.config` | [`AclRules`] |
//! | mosquitto's `acl_file` | [`MosquittoAcl`] |
//! | either of them | [`Acl`] |
//! | password files, mosquitto's among them | [`PasswordFile`], [`PasswordHash`] |
//! | JSON Web Tokens | [`TokenVerifier`] |
//! | SCRAM-SHA-256 | [`Scram`], [`StoredScram`] |
//! | asking an HTTP server | [`RequestTemplate`], [`judge`] |

mod acl;
mod acl_rules;
mod http_request;
mod jwt;
mod mosquitto_acl;
mod password_file;
mod password_hash;
mod password_line;
mod problems;
mod random;
mod rights;
mod scram;
mod secret;

pub use acl::Acl;
pub use acl_rules::AclRules;
pub use http_request::{
    Applicant, FillError, FilledRequest, HttpAnswer, HttpMethod, RequestBody, RequestTemplate,
    TemplateError, judge,
};
pub use jwt::{
    KeyError, TokenBearer, TokenError, TokenKeys, TokenSettings, TokenVerifier, Verified,
};
pub use mosquitto_acl::MosquittoAcl;
pub use password_file::{Checked, PasswordFile};
pub use password_hash::{HashError, PasswordHash};
pub use password_line::{LineError, PasswordLine};
pub use problems::{Problem, Problems};
pub use random::{NoRandomness, random_bytes};
pub use scram::{Scram, ScramError, StoredScram};
pub use secret::Secret;
