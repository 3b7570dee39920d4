use super::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use castmq_otp::{MemoryStream, memory_pair};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

/// A clock that is set by hand, in seconds since the Unix epoch.
#[derive(Debug)]
struct Hand(AtomicU64);

impl TimeProvider for Hand {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = self.0.load(Ordering::Relaxed);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// The end of a pair.
struct End(MemoryStream);

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_slice(into)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn key_of(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// Both sides; the client's certificate expires with the year 2029.
fn sides(clock: &Arc<Hand>) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let issue = |mut params: CertificateParams| {
        params.not_after = date_time_ymd(2030, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &root).unwrap();
        (vec![certificate.der().clone()], key_of(&key))
    };
    let (chain, key) = issue(CertificateParams::new(["localhost".to_owned()]).unwrap());
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
    let mut server = ServerConfig::builder_with_details(
        Arc::clone(&provider),
        Arc::clone(clock) as Arc<dyn TimeProvider>,
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_client_cert_verifier(verifier.build().unwrap())
    .with_single_cert(chain, key)
    .unwrap();
    server.ticketer = ring::Ticketer::new().unwrap();
    let (chain, key) = issue(CertificateParams::default());
    // The client believes that it is still the old year.
    let early = Arc::new(Hand(AtomicU64::new(OLD_YEAR)));
    let client = ClientConfig::builder_with_details(provider, early)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    (Arc::new(server), Arc::new(client))
}

/// An hour before the year 2030, and two hours later.
const OLD_YEAR: u64 = 1_893_452_400;
const NEW_YEAR: u64 = OLD_YEAR + 7200;

/// What comes of a handshake.
fn meet(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> io::Result<Opening> {
    let (here, there) = memory_pair(1 << 16);
    let (mut here, mut there) = (End(here), End(there));
    let mut tls = Tls::new(Arc::clone(server));
    let host = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), host).unwrap();
    loop {
        while client.wants_write() {
            client.write_tls(&mut there).unwrap();
        }
        let opened = tls.open(&mut here);
        while matches!(client.read_tls(&mut there), Ok(1..)) {
            client.process_new_packets().unwrap();
        }
        match opened {
            Ok(Opening::More) => {}
            Err(error) if error.kind() == WouldBlock => {}
            opened => return opened,
        }
    }
}

#[test]
fn a_session_is_not_resumed_when_its_certificate_has_expired() {
    let clock = Arc::new(Hand(AtomicU64::new(OLD_YEAR)));
    let (server, client) = sides(&clock);
    assert_eq!(meet(&server, &client).unwrap(), Opening::Open);
    assert_eq!(meet(&server, &client).unwrap(), Opening::Open);

    clock.0.store(NEW_YEAR, Ordering::Relaxed);
    assert_eq!(
        meet(&server, &client).unwrap_err().to_string(),
        "TLS: the certificate of the resumed session has expired"
    );
}
