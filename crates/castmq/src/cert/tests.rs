//! Certificates that are written, and what rustls thinks of them.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("castmq-cert-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn request(&self) -> SelfSigned {
        SelfSigned {
            directory: self.0.clone(),
            hosts: Vec::new(),
            client: "client".to_owned(),
            days: 30,
            force: false,
        }
    }

    fn mode(&self, name: &str) -> u32 {
        let metadata = fs::metadata(self.0.join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.0.join(name)).unwrap()
    }

    fn key(&self, name: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(self.0.join(name)).unwrap()
    }

    fn trusted(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate("ca.crt")).unwrap();
        Arc::new(roots)
    }

    fn client(&self, server: &'static str) -> ClientConnection {
        let chain = vec![self.certificate("client.crt")];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.trusted())
            .with_client_auth_cert(chain, self.key("client.key"))
            .unwrap();
        let name = ServerName::try_from(server).unwrap();
        ClientConnection::new(Arc::new(config), name).unwrap()
    }

    fn server(&self) -> ServerConnection {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.trusted(), Arc::clone(&provider));
        let chain = vec![self.certificate("server.crt")];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, self.key("server.key"))
            .unwrap();
        ServerConnection::new(Arc::new(config)).unwrap()
    }

    /// Both shake hands, the server known by this name.
    fn shake_hands(&self, name: &'static str) -> Result<(), rustls::Error> {
        let (mut client, mut server) = (self.client(name), self.server());
        while client.is_handshaking() || server.is_handshaking() {
            let mut bytes = Vec::new();
            client.write_tls(&mut bytes).unwrap();
            server.read_tls(&mut bytes.as_slice()).unwrap();
            server.process_new_packets()?;
            bytes.clear();
            server.write_tls(&mut bytes).unwrap();
            client.read_tls(&mut bytes.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn server_and_client_trust_each_other() {
    let directory = Directory::new();
    self_signed(&directory.request()).unwrap();
    assert_eq!(directory.shake_hands("localhost"), Ok(()));
    assert_eq!(directory.shake_hands("127.0.0.1"), Ok(()));
    assert_eq!(directory.shake_hands("::1"), Ok(()));
    assert!(directory.shake_hands("broker.example").is_err());
}

#[test]
fn the_server_has_the_names_that_it_is_given() {
    let directory = Directory::new();
    let request = SelfSigned {
        hosts: vec!["broker.example".to_owned(), "192.0.2.7".to_owned()],
        ..directory.request()
    };
    self_signed(&request).unwrap();
    assert_eq!(directory.shake_hands("broker.example"), Ok(()));
    assert_eq!(directory.shake_hands("192.0.2.7"), Ok(()));
    assert_eq!(directory.shake_hands("localhost"), Ok(()));
}

#[test]
fn only_the_owner_reads_keys() {
    let directory = Directory::new();
    self_signed(&directory.request()).unwrap();
    assert_eq!(directory.mode("ca.key"), 0o600);
    assert_eq!(directory.mode("server.key"), 0o600);
    assert_eq!(directory.mode("client.key"), 0o600);
    assert_eq!(directory.mode("ca.crt") & 0o400, 0o400);
}

#[test]
fn files_that_are_there_are_named_and_kept() {
    let directory = Directory::new();
    self_signed(&directory.request()).unwrap();
    fs::remove_file(directory.0.join("ca.crt")).unwrap();
    let before = directory.read("server.key");
    let complaint = self_signed(&directory.request()).unwrap_err().to_string();
    assert!(complaint.starts_with("there are already "));
    assert!(complaint.contains("/server.key, "));
    assert!(!complaint.contains("ca.crt"));
    assert_eq!(directory.read("server.key"), before);
}

#[test]
fn force_writes_over_them_and_shuts_keys_that_were_open() {
    let directory = Directory::new();
    self_signed(&directory.request()).unwrap();
    let (path, before) = (directory.0.join("server.key"), directory.read("server.key"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let request = SelfSigned {
        force: true,
        ..directory.request()
    };
    self_signed(&request).unwrap();
    assert_ne!(directory.read("server.key"), before);
    assert_eq!(directory.mode("server.key"), 0o600);
    assert_eq!(directory.shake_hands("localhost"), Ok(()));
}

#[test]
fn a_name_that_no_certificate_can_hold_is_refused() {
    let directory = Directory::new();
    let request = SelfSigned {
        hosts: vec!["brök€r".to_owned()],
        ..directory.request()
    };
    let complaint = self_signed(&request).unwrap_err().to_string();
    assert!(complaint.contains("brök€r"), "{complaint}");
    assert!(!directory.0.exists());
}

#[test]
fn what_comes_next_is_said() {
    let directory = Directory::new();
    let told = self_signed(&directory.request()).unwrap();
    let path = directory.0.display();
    assert!(told.contains("server.crt  the server at localhost, 127.0.0.1, ::1\n"));
    assert!(told.contains(&format!("\ncertificate = \"{path}/server.crt\"\n")));
    assert!(told.contains(&format!(
        "mosquitto_sub --cafile '{path}/ca.crt' -h localhost"
    )));
}
