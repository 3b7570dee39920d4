//! An authority that signs certificates for the tests of one process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// The name and the address by which clients of the tests know the server.
const SERVER_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Signs certificates.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its private key, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
    serial: SerialNumber,
}

impl Authority {
    /// One that nobody has known before.
    #[must_use]
    pub fn new() -> Self {
        let mut params = params(&[], "Authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        Self(CertifiedIssuer::self_signed(params, key).expect("it signs itself"))
    }

    /// The one that all tests share, whose [`server`](Self::server) their brokers are.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Authority> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// The server on this machine.
    #[must_use]
    pub fn server(&self) -> Identity {
        self.issue(
            params(&SERVER_NAMES, "castmq"),
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    /// A client with this common name, in an organization called *Plant*.
    #[must_use]
    pub fn client(&self, common_name: &str) -> Identity {
        let mut params = params(&[], common_name);
        let mut name = rcgen::DistinguishedName::new();
        name.push(DnType::OrganizationName, "Plant");
        name.push(DnType::CommonName, common_name);
        params.distinguished_name = name;
        self.issue(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> Identity {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let serial = SerialNumber::from(COUNT.fetch_add(1, Ordering::Relaxed));
        params.serial_number = Some(serial.clone());
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.0).expect("it is signed");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// The list of what it has revoked, in PEM.
    #[must_use]
    pub fn revocation(&self, revoked: &[&Identity]) -> String {
        let since = date_time_ymd(2020, 1, 1);
        let entry = |identity: &&Identity| RevokedCertParams {
            serial_number: identity.serial.clone(),
            revocation_time: since,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: since,
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.0).expect("it signs lists");
        list.pem().expect("a list is text, too")
    }

    /// How clients speak TLS that trust this authority, and show a certificate if they have one.
    #[must_use]
    pub fn trusted_by(&self, client: Option<&Identity>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("it can be trusted");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS")
            .with_root_certificates(roots);
        Arc::new(match client {
            None => builder.with_no_client_auth(),
            Some(Identity {
                certificate, key, ..
            }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
                let chain = vec![certificate.expect("it is PEM")];
                builder
                    .with_client_auth_cert(chain, key.expect("it is PEM"))
                    .expect("the key is the certificate's")
            }
        })
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("these are names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}
