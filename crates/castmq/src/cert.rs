//! `castmq cert`: certificates to try TLS with, from an authority of one's own.

use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{self, Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};

use crate::say;

/// Something could not be written, or is there already.
const NOT_OK: u8 = 1;
/// Names by which clients on this machine know it.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Clocks of other machines may be late.
const EARLIER: Duration = Duration::from_secs(3600);
const DAY: u64 = 24 * 3600;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Write an authority for development, and certificates that it signs for a server and a client
    SelfSigned(SelfSigned),
}

#[derive(Debug, Args)]
pub(crate) struct SelfSigned {
    /// Where to; made if there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// A name or address of the server besides localhost, 127.0.0.1 and ::1; may be given again
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// The client's name
    #[arg(long, value_name = "NAME", default_value = "client")]
    client: String,
    /// How long they hold
    #[arg(long, value_name = "N", default_value = "365",
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
}

/// Does it; the exit code says whether all was well.
pub(crate) fn run(action: &Action) -> ExitCode {
    let Action::SelfSigned(request) = action;
    let told = self_signed(request)
        .and_then(|text| io::stdout().write_all(text.as_bytes()).context("stdout"));
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("castmq cert: {error:#}"));
            ExitCode::from(NOT_OK)
        }
    }
}

/// Writes all, and says what comes next.
fn self_signed(request: &SelfSigned) -> anyhow::Result<String> {
    let directory = &request.directory;
    let files = issue(request, now())?;
    if !request.force {
        let paths = files.iter().map(|file| directory.join(file.name));
        let present: Vec<_> = paths
            .filter(|path| path.symlink_metadata().is_ok())
            .map(|path| path.display().to_string())
            .collect();
        if !present.is_empty() {
            bail!(
                "there are already {}; --force writes over them",
                present.join(", ")
            );
        }
    }
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    for file in &files {
        let path = directory.join(file.name);
        let written = remove_old(&path, request.force).and_then(|()| file.write(&path));
        written.with_context(|| path.display().to_string())?;
    }
    let mut text = format!("Written to {}:\n", directory.display());
    for file in &files {
        writeln!(text, "  {:<10}  {}", file.name, file.purpose)?;
    }
    write!(text, "\n{}", Next(directory))?;
    Ok(text)
}

/// One file that is to be written.
struct Issued {
    name: &'static str,
    pem: String,
    secrecy: Secrecy,
    purpose: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secrecy {
    Public,
    /// Nobody else may read it, not even for the moment before that is said.
    Private,
}

impl Issued {
    /// Writes it as a new file.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = match self.secrecy {
            Secrecy::Public => File::create_new(path)?,
            Secrecy::Private => OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?,
        };
        file.write_all(self.pem.as_bytes())
    }
}

/// An old file may be open to others, which writing into it would not change.
fn remove_old(path: &Path, force: bool) -> io::Result<()> {
    if !force {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Keys and certificates, valid from now on.
fn issue(request: &SelfSigned, now: SystemTime) -> anyhow::Result<Vec<Issued>> {
    let mut names: Vec<_> = OWN_NAMES.map(str::to_owned).into();
    for host in &request.hosts {
        if !names.contains(host) {
            names.push(host.clone());
        }
    }
    let valid = |params| valid(params, now, request.days);

    let authority = valid(authority()?);
    let authority = CertifiedIssuer::self_signed(authority, key()?)?;
    let server_names = names.join(", ");
    let server_key = key()?;
    let server = valid(leaf(&names, "castmq", ExtendedKeyUsagePurpose::ServerAuth)?)
        .signed_by(&server_key, &authority)?;
    let client_key = key()?;
    let client = valid(leaf(
        &[],
        &request.client,
        ExtendedKeyUsagePurpose::ClientAuth,
    )?)
    .signed_by(&client_key, &authority)?;

    Ok(vec![
        public(
            "ca.crt",
            authority.pem(),
            "the authority: who trusts it trusts the others",
        ),
        private("ca.key", authority.key(), "its key, which signs"),
        public(
            "server.crt",
            server.pem(),
            &format!("the server at {server_names}"),
        ),
        private("server.key", &server_key, "its key"),
        public(
            "client.crt",
            client.pem(),
            &format!("the client named {}", request.client),
        ),
        private("client.key", &client_key, "its key"),
    ])
}

fn public(name: &'static str, pem: String, purpose: &str) -> Issued {
    Issued {
        name,
        pem,
        secrecy: Secrecy::Public,
        purpose: purpose.to_owned(),
    }
}

fn private(name: &'static str, key: &KeyPair, purpose: &str) -> Issued {
    Issued {
        secrecy: Secrecy::Private,
        ..public(name, key.serialize_pem(), purpose)
    }
}

fn key() -> anyhow::Result<KeyPair> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn authority() -> anyhow::Result<CertificateParams> {
    let mut params = named(&[], "CastMQ development authority")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(
    names: &[String],
    common_name: &str,
    purpose: ExtendedKeyUsagePurpose,
) -> anyhow::Result<CertificateParams> {
    let mut params = named(names, common_name)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn named(names: &[String], common_name: &str) -> anyhow::Result<CertificateParams> {
    let params = CertificateParams::new(names);
    let mut params = params.with_context(|| format!("--host {}", names.join(", ")))?;
    // Without this there would be a common name of the library's choice.
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params)
}

fn valid(mut params: CertificateParams, now: SystemTime, days: u32) -> CertificateParams {
    params.not_before = (now - EARLIER).into();
    params.not_after = (now + Duration::from_secs(u64::from(days) * DAY)).into();
    params
}

#[expect(
    clippy::disallowed_methods,
    reason = "no shard runs here whose clock could be asked"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// What one does next.
struct Next<'a>(&'a Path);

impl fmt::Display for Next<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &str| {
            let path = self.0.join(name);
            // The broker may be started elsewhere.
            let path = path::absolute(&path).unwrap_or(path);
            let path = path.to_string_lossy().into_owned();
            toml_edit::Value::from(path).to_string()
        };
        write!(
            formatter,
            "The listener, in the broker's configuration:\n\n\
             [[listener]]\n\
             name = \"mqtts\"\n\
             address = \"127.0.0.1:8883\"\n\
             transport = \"tls\"\n\
             [listener.tls]\n\
             certificate = {}\n\
             key = {}\n\n\
             A client:\n\n\
             mosquitto_sub --cafile '{}' -h localhost -p 8883 -t '#' -v\n",
            quoted("server.crt"),
            quoted("server.key"),
            self.0.join("ca.crt").display()
        )
    }
}

#[cfg(test)]
mod tests;
