//! Which broker is asked, and who asks.

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use castmq_access::Secret;
use clap::Args;
use ureq::tls::{Certificate, PemItem, parse_pem};

use super::api::{Api, Credentials};
use super::failure::Failure;

/// Where the help shows these options, apart from those of a command.
pub(super) const BROKER: &str = "Options of all commands";

const DEFAULT_URL: &str = "http://127.0.0.1:18083";
const URL: &str = "CASTMQ_ADMIN_URL";
const PASSWORD: &str = "CASTMQ_ADMIN_PASSWORD";
const TOKEN: &str = "CASTMQ_ADMIN_TOKEN";

#[derive(Debug, Args)]
pub(super) struct Connection {
    /// The admin address of the broker [default: CASTMQ_ADMIN_URL, else http://127.0.0.1:18083]
    #[arg(long, value_name = "URL", global = true, help_heading = BROKER)]
    url: Option<String>,
    /// The user who asks; the password is in CASTMQ_ADMIN_PASSWORD, or asked for
    // Commands have a USER of their own, who is somebody else.
    #[arg(id = "asking", long = "user", value_name = "NAME", global = true, help_heading = BROKER)]
    user: Option<String>,
    /// A file with the token of who asks
    #[arg(long, value_name = "FILE", global = true, help_heading = BROKER, conflicts_with = "asking")]
    token_file: Option<PathBuf>,
    /// The authorities (PEM) that may have signed the certificate of the broker
    #[arg(long, value_name = "FILE", global = true, help_heading = BROKER)]
    ca: Option<PathBuf>,
}

impl Connection {
    /// The broker's API; nothing is asked of it yet.
    pub(super) fn api(&self) -> Result<Api, Failure> {
        let from_environment = env::var(URL).ok().filter(|url| !url.is_empty());
        let url = self.url.clone().or(from_environment);
        let origin = origin(url.as_deref().unwrap_or(DEFAULT_URL))?;
        let credentials = self.credentials()?;
        let is_known = !matches!(credentials, Credentials::None);
        if is_known && origin.starts_with("http://") && !is_loopback(&origin) {
            crate::say(&format!(
                "castmq ctl: {origin} is not encrypted: others on the way can read the password or token"
            ));
        }
        Ok(Api::new(&origin, &credentials, self.authorities()?))
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        if let Some(user) = &self.user {
            if user.contains(':') {
                return Err(Failure::Usage("--user: a name has no colon".to_owned()));
            }
            return Ok(Credentials::Password(user.clone(), password(user)?));
        }
        let token = match &self.token_file {
            Some(path) => Some(read(path)?),
            None => env::var(TOKEN).ok(),
        };
        let token = token.map(|token| token.trim().to_owned());
        Ok(match token.filter(|token| !token.is_empty()) {
            Some(token) => Credentials::Token(Secret::new(token)),
            None if self.token_file.is_some() => {
                return Err(Failure::Usage("--token-file: the file is empty".to_owned()));
            }
            None => Credentials::None,
        })
    }

    fn authorities(&self) -> Result<Option<Vec<Certificate<'static>>>, Failure> {
        let Some(path) = &self.ca else {
            return Ok(None);
        };
        let pem = read(path)?;
        let certificates: Vec<_> = parse_pem(pem.as_bytes())
            .filter_map(Result::ok)
            .filter_map(|item| {
                if let PemItem::Certificate(certificate) = item {
                    Some(certificate)
                } else {
                    None
                }
            })
            .collect();
        if certificates.is_empty() {
            let message = format!("--ca: {} has no certificate in PEM", path.display());
            return Err(Failure::Usage(message));
        }
        Ok(Some(certificates))
    }
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    let text = fs::read_to_string(path);
    text.map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// The password of who asks: never an argument.
fn password(user: &str) -> Result<Secret, Failure> {
    if let Ok(password) = env::var(PASSWORD) {
        return Ok(Secret::new(password));
    }
    if !io::stdin().is_terminal() {
        let message =
            format!("there is no terminal to ask for the password of {user}: set {PASSWORD}");
        return Err(Failure::Usage(message));
    }
    let asked = rpassword::prompt_password(format!("Password of {user}: "));
    let asked = asked.map_err(|error| Failure::Local("terminal".to_owned(), error))?;
    Ok(Secret::new(asked))
}

/// Scheme, host and port, without what does not belong there.
fn origin(url: &str) -> Result<String, Failure> {
    let wrong = |why: &str| Err(Failure::Usage(format!("--url {url}: {why}")));
    let url_with_scheme = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let (scheme, rest) = url_with_scheme.split_once("://").unwrap_or_default();
    let authority = rest.trim_end_matches('/');
    if scheme != "http" && scheme != "https" {
        return wrong("use http://HOST:PORT or https://HOST:PORT");
    }
    if authority.contains('@') {
        return Err(Failure::Usage(
            "--url: no name and password in it: use --user and CASTMQ_ADMIN_PASSWORD".to_owned(),
        ));
    }
    if authority.is_empty() || authority.contains(['/', '?', '#', ' ']) {
        return wrong("use http://HOST:PORT or https://HOST:PORT, nothing behind it");
    }
    let origin = format!("{scheme}://{authority}");
    match origin.parse::<ureq::http::Uri>() {
        Ok(_) => Ok(origin),
        Err(error) => wrong(&error.to_string()),
    }
}

fn is_loopback(origin: &str) -> bool {
    let host = origin.split("://").nth(1).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        origin(url).unwrap_err().to_string()
    }

    #[test]
    fn an_address_may_leave_out_the_scheme() {
        assert_eq!(origin("localhost:1").unwrap(), "http://localhost:1");
        assert_eq!(origin("https://[::1]:1/").unwrap(), "https://[::1]:1");
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_what_to_write() {
        let expected = "--url ftp://x: use http://HOST:PORT or https://HOST:PORT";
        assert_eq!(refusal("ftp://x"), expected);
        assert!(refusal("http://x/api").ends_with("nothing behind it"));
        assert!(refusal("").starts_with("--url : "));
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        assert!(!refusal("http://ann:secret@h:1").contains("secret"));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(is_loopback("http://127.0.0.1:18083"));
        assert!(is_loopback("http://[::1]:18083"));
        assert!(is_loopback("http://localhost:18083"));
        assert!(!is_loopback("http://10.0.0.1:18083"));
        assert!(!is_loopback("http://127.0.0.1.example.org:1"));
    }
}
