//! Door: everything of the admin interface that can be wrong before the broker runs.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use castmq_settings::Admin as Settings;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::auth::{Known, UsersError};

/// Why the admin interface cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Nobody could tell friend from foe there.
    #[error(
        "admin.address: {0} can be reached from other machines, and nobody is known: name users or tokens in \
         [admin], or listen on a loopback address"
    )]
    Open(SocketAddr),
    /// The address cannot be listened on.
    #[error(
        "admin.address: {address}: {cause}; set admin.address to another one, or admin.enabled to false"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// Its users cannot be had.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// A certificate or key cannot be read.
    #[error("admin.tls: {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Certificate and key do not go together.
    #[error("admin.tls: {0}")]
    Tls(rustls::Error),
}

/// A socket that is listened on, and who may come in by it.
#[derive(Debug)]
pub struct Door {
    pub(crate) settings: Settings,
    pub(crate) known: Known,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Door {
    /// Listens, and reads who may come in. Whoever connects waits until [`Admin::start`](crate::Admin::start).
    ///
    /// # Errors
    ///
    /// [`DoorError`], which says which setting it is about.
    pub fn open(settings: &Settings) -> Result<Self, DoorError> {
        let address = settings.address;
        if !address.ip().to_canonical().is_loopback() && !settings.knows_somebody() {
            return Err(DoorError::Open(address));
        }
        let known = Known::load(settings)?;
        let tls = tls(settings)?;
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|cause| DoorError::Bind { address, cause })?;
        Ok(Self {
            settings: settings.clone(),
            known,
            tls,
            listener,
            address,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is, for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

fn tls(settings: &Settings) -> Result<Option<Arc<ServerConfig>>, DoorError> {
    let (Some(certificate), Some(key)) = (&settings.tls.certificate, &settings.tls.key) else {
        return Ok(None);
    };
    let failed = |path: &Path, cause: String| DoorError::File {
        path: path.to_owned(),
        cause,
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(failed(
            certificate,
            "there is no certificate in it".to_owned(),
        ));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(DoorError::Tls)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}
