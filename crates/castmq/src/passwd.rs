//! `castmq passwd`: adds users to a password file, takes them out, tries their passwords.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use castmq_access::{Checked, PasswordFile, PasswordHash, Secret, StoredScram, random_bytes};
use clap::Subcommand;

use crate::say;

/// It is not the password, or it could not be done.
const NOT_OK: u8 = 1;

/// Who may read a new file: its owner.
const MODE: u32 = 0o600;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Add a user, or change the password of one; the password is asked for, or is the line on standard
    /// input
    Add {
        /// The password file; made if there is none
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The user name
        #[arg(value_name = "USER")]
        user: String,
        /// The user may publish and subscribe everything
        #[arg(long)]
        superuser: bool,
        /// Also let the user prove by SCRAM-SHA-256 that the password is known
        #[arg(long)]
        scram: bool,
    },
    /// Take a user out
    Del {
        /// The password file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The user name
        #[arg(value_name = "USER")]
        user: String,
    },
    /// Try a password; exit code 1 when it is not the user's
    Check {
        /// The password file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The user name
        #[arg(value_name = "USER")]
        user: String,
    },
}

/// Does it; the exit code says whether all was well.
pub(crate) fn run(action: &Action) -> ExitCode {
    let done = match action {
        Action::Add {
            file,
            user,
            superuser,
            scram,
        } => add(file, user, *superuser, *scram),
        Action::Del { file, user } => delete(file, user),
        Action::Check { file, user } => check(file, user),
    };
    match done {
        Ok(line) => {
            say(&line);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("castmq passwd: {error:#}"));
            ExitCode::from(NOT_OK)
        }
    }
}

fn add(path: &Path, user: &str, superuser: bool, scram: bool) -> anyhow::Result<String> {
    let mut file = if path.exists() {
        read(path)?
    } else {
        PasswordFile::default()
    };
    let is_known = file.users().any(|known| known.as_str() == user);
    let password = ask_twice(user)?;
    let password = password.expose();
    file.set(user, PasswordHash::argon2id(password, &random_bytes()?))?;
    let had_scram = file.scram(user).is_some();
    if scram || had_scram {
        let salt: [u8; 16] = random_bytes()?;
        let stored = StoredScram::derive(password, &salt, StoredScram::ITERATIONS)?;
        file.set(user, PasswordHash::scram(stored))?;
    }
    if superuser {
        file.set_superuser(user, true);
    }
    write(path, &file.to_text())?;
    let what = if is_known { "changed" } else { "added" };
    Ok(format!("{}: user {user} {what}{RELOAD}", path.display()))
}

fn delete(path: &Path, user: &str) -> anyhow::Result<String> {
    let mut file = read(path)?;
    if !file.remove(user) {
        bail!("{}: there is no user {user}", path.display());
    }
    write(path, &file.to_text())?;
    Ok(format!("{}: user {user} taken out{RELOAD}", path.display()))
}

/// What has to be done for a broker that runs.
const RELOAD: &str = "; a broker that runs reads the file on SIGHUP";

fn check(path: &Path, user: &str) -> anyhow::Result<String> {
    let file = read(path)?;
    let password = ask(&format!("Password of {user}: "))?;
    match file.check(user, password.expose()) {
        Checked::Accepted { superuser } => Ok(format!(
            "that is the password of {user}{}",
            if superuser { ", a superuser" } else { "" }
        )),
        Checked::WrongPassword => bail!("that is not the password of {user}"),
        Checked::UnknownUser => bail!("{}: there is no user {user}", path.display()),
    }
}

fn read(path: &Path) -> anyhow::Result<PasswordFile> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    PasswordFile::parse(&text).with_context(|| path.display().to_string())
}

/// Puts a new file in place of the old one, so that a broker that reads it sees one or the other. It keeps the
/// rights of the old one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let known = fs::metadata(path).ok();
    let mode = known
        .as_ref()
        .map_or(MODE, |known| known.permissions().mode());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let put = || -> io::Result<()> {
        // One that was left over, or laid there by somebody else.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&new)?;
        if let Some(known) = &known {
            // The broker reads it as before, whoever has written it.
            std::os::unix::fs::fchown(&file, Some(known.uid()), Some(known.gid()))?;
        }
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    put().with_context(|| path.display().to_string())
}

/// Asks for a new password, on a terminal twice.
///
/// # Errors
///
/// When it is empty, or the second is another.
pub(crate) fn ask_twice(user: &str) -> anyhow::Result<Secret> {
    let password = ask(&format!("Password of {user}: "))?;
    if io::stdin().is_terminal() {
        let again = ask("Once more: ")?;
        ensure!(
            again.expose() == password.expose(),
            "these are two passwords"
        );
    }
    ensure!(!password.expose().is_empty(), "the password is empty");
    Ok(password)
}

/// Asks for a password: without showing it on a terminal, else the next line of standard input. It is never an
/// argument, which everybody on the machine could read.
fn ask(prompt: &str) -> anyhow::Result<Secret> {
    if io::stdin().is_terminal() {
        return Ok(Secret::new(rpassword::prompt_password(prompt)?));
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}
