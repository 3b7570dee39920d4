//! Whom a TLS connection trusts, and what it shows of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// The options about TLS.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Trust {
    /// mqtts and wss: trust the servers whose certificates these have signed (PEM)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// mqtts and wss: trust whoever answers
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// mqtts and wss: the certificate that all clients show (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// mqtts and wss: its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Trust {
    /// The first of these options that is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--ca", self.ca.is_some()),
            ("--insecure", self.insecure),
            ("--cert", self.cert.is_some()),
        ];
        let given = options.into_iter().find(|(_, is_given)| *is_given);
        given.map(|(option, _)| option)
    }

    /// What all connections of a run have in common.
    ///
    /// Each makes a whole handshake, as clients do that come for the first time: sessions are not
    /// resumed.
    ///
    /// # Errors
    ///
    /// Says which option is missing, or what is wrong with a file.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let trusting = match (&self.ca, self.insecure) {
            (Some(file), _) => builder.with_root_certificates(roots(file)?),
            (None, true) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone(provider))),
            (None, false) => {
                return Err("whom to trust? Give --ca FILE, or --insecure".to_owned());
            }
        };
        let mut config = self.with_own_certificate(trusting)?;
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    fn with_own_certificate(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, String> {
        let (Some(certificate), Some(key)) = (&self.cert, &self.key) else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(certificate)?;
        let own = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
        builder
            .with_client_auth_cert(chain, own)
            .map_err(|error| wrong(key, &error))
    }
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(file, &error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(file, &error))?;
    if certificates.is_empty() {
        return Err(format!("{}: there is no certificate in it", file.display()));
    }
    Ok(certificates)
}

fn wrong(file: &Path, error: &impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}

#[cfg(test)]
impl Trust {
    /// Trusts whom that one has signed.
    pub(crate) fn signed_by(ca: PathBuf) -> Self {
        Self {
            ca: Some(ca),
            ..Self::default()
        }
    }

    /// Trusts whoever answers.
    pub(crate) fn anyone() -> Self {
        Self {
            insecure: true,
            ..Self::default()
        }
    }

    /// Shows a certificate of its own.
    pub(crate) fn showing(self, cert: PathBuf, key: PathBuf) -> Self {
        Self {
            cert: Some(cert),
            key: Some(key),
            ..self
        }
    }
}

/// Verifies nothing.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
