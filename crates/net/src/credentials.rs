//! What encryption needs from files: certificates, keys, and who may have issued those of clients.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::certificate::expiry_of;
use crate::error::TransportError;
use crate::plan::{CertificatePlan, ClientCertificates, TlsPlan, TlsVersion};

/// What was read of the files of a plan.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) expires: Option<u64>,
}

impl Credentials {
    pub(crate) fn read(plan: &TlsPlan, is_websocket: bool) -> Result<Self, TransportError> {
        let provider = Arc::new(ring::default_provider());
        let certificates = ByName::read(&plan.certificates, &provider)?;
        let expires = certificates.expires();
        let versions = match plan.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)?;
        let builder = match client_verifier(plan, &provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = protocols(&plan.alpn, is_websocket);
        // Sessions are kept by those who resume them, so that they cost us nothing.
        config.ticketer = ring::Ticketer::new()?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // A device comes back on one connection, and gets the next ticket there.
        config.send_tls13_tickets = 1;
        Ok(Self {
            config: Arc::new(config),
            expires,
        })
    }
}

fn protocols(planned: &[String], is_websocket: bool) -> Vec<Vec<u8>> {
    let http = "http/1.1";
    let mut names: Vec<&str> = planned.iter().map(String::as_str).collect();
    if is_websocket && !names.is_empty() && !names.contains(&http) {
        names.push(http);
    }
    names
        .into_iter()
        .map(|name| name.as_bytes().to_vec())
        .collect()
}

/// The broker's certificates by host name.
#[derive(Debug)]
struct ByName {
    named: Vec<(String, Arc<CertifiedKey>)>,
    default: Option<Arc<CertifiedKey>>,
}

impl ByName {
    fn read(plans: &[CertificatePlan], provider: &CryptoProvider) -> Result<Self, TransportError> {
        let mut found = Self {
            named: Vec::new(),
            default: None,
        };
        for plan in plans {
            let certified = Arc::new(certified(plan, provider)?);
            match &plan.host {
                Some(host) => found.named.push((host.clone(), certified)),
                None => found.default = Some(certified),
            }
        }
        if found.named.is_empty() && found.default.is_none() {
            return Err(TransportError::NoCertificate);
        }
        Ok(found)
    }

    fn expires(&self) -> Option<u64> {
        let all = self.named.iter().map(|(_, certified)| certified);
        all.chain(&self.default)
            .filter_map(|certified| expiry_of(certified.cert.first()?))
            .min()
    }

    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let by = |is_it: &dyn Fn(&str) -> bool| {
            let found = self.named.iter().find(|(host, _)| is_it(host));
            found.map(|(_, certified)| certified)
        };
        let domain = name.split_once('.').map(|(_, domain)| domain);
        by(&|host| host.eq_ignore_ascii_case(name)).or_else(|| {
            by(&|host| {
                host.strip_prefix("*.")
                    .zip(domain)
                    .is_some_and(|(host, domain)| host.eq_ignore_ascii_case(domain))
            })
        })
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.named(name));
        named.or(self.default.as_ref()).cloned()
    }
}

fn certified(
    plan: &CertificatePlan,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TransportError> {
    let chain = all_in::<CertificateDer<'static>>(&plan.chain, "certificate", "CERTIFICATE")?;
    let key = key_in(&plan.key)?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|cause| unusable(&plan.key, "private key", &cause))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TransportError::KeyOfAnother {
            key: plan.key.clone(),
            chain: plan.chain.clone(),
        }),
        Err(cause) => Err(unusable(&plan.chain, "certificate", &cause)),
    }
}

fn key_in(path: &Path) -> Result<PrivateKeyDer<'static>, TransportError> {
    let text = read(path)?;
    let has = |mark: &[u8]| text.windows(mark.len()).any(|part| part == mark);
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(TransportError::EncryptedKey {
            path: path.to_owned(),
        });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|cause| {
        if matches!(cause, PemError::NoItemsFound) {
            TransportError::NothingIn {
                path: path.to_owned(),
                what: "private key",
                label: "PRIVATE KEY",
            }
        } else {
            unusable(path, "private key", &cause)
        }
    })
}

/// Who decides whether a client's certificate is good; `None` where none is asked for.
fn client_verifier(
    plan: &TlsPlan,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TransportError> {
    if plan.client == ClientCertificates::None {
        return Ok(None);
    }
    let path = plan.client_ca.as_ref().ok_or(TransportError::NoClientCa)?;
    let mut roots = RootCertStore::empty();
    for issuer in all_in::<CertificateDer<'static>>(path, "certificate", "CERTIFICATE")? {
        let added = roots.add(issuer);
        added.map_err(|cause| unusable(path, "certificate", &cause))?;
    }
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(path) = &plan.crl {
        let lists =
            all_in::<CertificateRevocationListDer<'static>>(path, "revocation list", "X509 CRL")?;
        // As OpenSSL has it: who issues for others has no list of its own in most plants.
        builder = builder.with_crls(lists).only_check_end_entity_revocation();
    }
    if plan.client == ClientCertificates::Optional {
        builder = builder.allow_unauthenticated();
    }
    let files = plan.crl.as_ref().unwrap_or(path);
    let built = builder.build();
    built
        .map(Some)
        .map_err(|cause| unusable(files, "list of who is good", &cause))
}

/// All parts of one kind in a file; at least one.
fn all_in<T: PemObject>(
    path: &Path,
    what: &'static str,
    label: &'static str,
) -> Result<Vec<T>, TransportError> {
    let text = read(path)?;
    let parts: Result<Vec<T>, PemError> = T::pem_slice_iter(&text).collect();
    let parts = parts.map_err(|cause| unusable(path, what, &cause))?;
    if parts.is_empty() {
        return Err(TransportError::NothingIn {
            path: path.to_owned(),
            what,
            label,
        });
    }
    Ok(parts)
}

fn read(path: &Path) -> Result<Vec<u8>, TransportError> {
    std::fs::read(path).map_err(|cause| TransportError::Unreadable {
        path: path.to_owned(),
        cause,
    })
}

fn unusable(path: &Path, what: &'static str, cause: &dyn std::fmt::Display) -> TransportError {
    TransportError::Unusable {
        path: path.to_owned(),
        what,
        cause: cause.to_string(),
    }
}
