//! Who issues certificates in tests, and the files in which they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use castmq_net::{CertificatePlan, ClientCertificates, TlsPlan, TlsVersion, TransportPlan};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A directory, gone at the end of its test.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("castmq-net-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate with its key.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
    pub(crate) pem: String,
    serial: SerialNumber,
}

/// One that issues certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) scratch: Scratch,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let authority = Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
            scratch: Scratch::new(),
        };
        authority.scratch.write("ca.pem", &authority.issuer.pem());
        authority.show("localhost");
        authority
    }

    fn issue(&self, mut params: CertificateParams) -> Issued {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial: SerialNumber = SERIAL.fetch_add(1, Ordering::Relaxed).into();
        params.serial_number = Some(serial.clone());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key,
            serial,
        }
    }

    /// A certificate of the broker for a host name.
    pub(crate) fn server(&self, host: &str) -> Issued {
        self.issue(CertificateParams::new([host.to_owned()]).unwrap())
    }

    /// A certificate of a client.
    pub(crate) fn client(&self, name: &str) -> Issued {
        self.issue(client(name))
    }

    /// One that has expired.
    pub(crate) fn expired_client(&self, name: &str) -> Issued {
        let mut params = client(name);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.issue(params)
    }

    /// Writes a new certificate of the broker into its files.
    pub(crate) fn show(&self, host: &str) -> Issued {
        let issued = self.server(host);
        self.scratch.write("server.pem", &issued.pem);
        self.scratch
            .write("server.key", &issued.key.serialize_pem());
        issued
    }

    /// Writes the list of who is revoked into its file.
    pub(crate) fn revoke(&self, revoked: &[&Issued]) -> PathBuf {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2050, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap();
        self.scratch.write("revoked.pem", &list.pem().unwrap())
    }

    /// Encryption with the certificate in the broker's files.
    pub(crate) fn plan(&self) -> TlsPlan {
        TlsPlan {
            certificates: vec![CertificatePlan {
                host: None,
                chain: self.scratch.path("server.pem"),
                key: self.scratch.path("server.key"),
            }],
            client: ClientCertificates::None,
            client_ca: Some(self.scratch.path("ca.pem")),
            crl: None,
            min_version: TlsVersion::Tls12,
            alpn: vec!["mqtt".to_owned()],
        }
    }

    /// A client of that version that trusts those who issue here.
    pub(crate) fn trusting(&self, version: TlsVersion, shows: Option<&Issued>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let versions = match version {
            TlsVersion::Tls12 => [&TLS12],
            TlsVersion::Tls13 => [&TLS13],
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots);
        match shows {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let key = PrivatePkcs8KeyDer::from(issued.key.serialize_der());
                let chain = vec![issued.certificate.clone()];
                builder
                    .with_client_auth_cert(chain, PrivateKeyDer::from(key))
                    .unwrap()
            }
        }
    }
}

fn client(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Plant");
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A transport of nothing but encryption.
pub(crate) fn encrypted(tls: TlsPlan) -> TransportPlan {
    TransportPlan {
        tls: Some(tls),
        ..TransportPlan::default()
    }
}

/// A certificate that is shown for a host name.
pub(crate) fn named(host: &str, chain: &Path, key: &Path) -> CertificatePlan {
    CertificatePlan {
        host: Some(host.to_owned()),
        chain: chain.to_owned(),
        key: key.to_owned(),
    }
}
