//! Why a transport cannot be had as it is planned.

use std::io;
use std::path::PathBuf;

/// A transport cannot be had as it is planned.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// A file has nothing of what it is named for.
    #[error(
        "no {what} in {}: a PEM file is expected, with a line -----BEGIN {label}-----",
        path.display()
    )]
    NothingIn {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// How the line begins that was looked for.
        label: &'static str,
    },
    /// A file is damaged, or has something else in it than its marks say.
    #[error("the {what} in {} cannot be used: {cause}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// A private key can only be read with a passphrase, and nobody is there to type it.
    #[error(
        "the private key in {} is encrypted: write it without a passphrase (openssl pkey -in … -out …)",
        path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A private key is that of another certificate.
    #[error(
        "the private key in {} does not belong to the first certificate in {}",
        key.display(), chain.display()
    )]
    KeyOfAnother {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        chain: PathBuf,
    },
    /// Encryption is planned without anything to show.
    #[error("encryption needs a certificate and its private key")]
    NoCertificate,
    /// Clients are asked for certificates, and it is not said whose are good.
    #[error("client certificates need a file with the certificates of those who issue them")]
    NoClientCa,
    /// The library refuses what is planned.
    #[error("encryption cannot be set up: {0}")]
    Refused(#[from] rustls::Error),
}
