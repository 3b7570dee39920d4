//! Gets the brokers of others: from Debian, and from crates.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail, ensure};

/// The workspace of the peers that are crates.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.toml");
/// Folders that users other than root often do not have in their `PATH`.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The program of that name; the package of the same name is installed when it is missing.
///
/// # Errors
///
/// It is missing, and this user may not install it, or apt-get cannot.
pub fn debian_package(name: &str) -> anyhow::Result<PathBuf> {
    if let Some(found) = on_path(name) {
        return Ok(found);
    }
    ensure!(
        rustix::process::geteuid().is_root(),
        "not installed, and only root may: apt-get install {name}"
    );
    run(Command::new("apt-get").arg("update"))?;
    run(Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends", name])
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    on_path(name).with_context(|| format!("apt-get has installed no program {name}"))
}

/// The program of that name from the peers' workspace, built into that target directory.
///
/// # Errors
///
/// It does not build.
pub fn peer(name: &str, target: &Path) -> anyhow::Result<PathBuf> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    run(Command::new(cargo)
        .args(["build", "--release", "--locked", "--manifest-path", PEERS])
        .args(["-p", &format!("castmq-versus-{name}"), "--target-dir"])
        .arg(target))?;
    let program = target.join("release").join(name);
    ensure!(
        program.is_file(),
        "cargo has built no {}",
        program.display()
    );
    Ok(program)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| fs::metadata(file).is_ok_and(|metadata| metadata.is_file()))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| name.clone())?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{name}: {}", complaint(&output))
}

/// The first line that speaks of an error; else the last one.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let said = lines
        .clone()
        .find(|line| line.starts_with("error") || line.starts_with("E: "))
        .or_else(|| lines.next_back());
    said.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn complaint_of(text: &str) -> String {
        complaint(&Output {
            status: ExitStatus::from_raw(256),
            stdout: Vec::new(),
            stderr: text.into(),
        })
    }

    #[test]
    fn the_first_error_is_the_reason() {
        let text = "   Compiling a\nerror[E0521]: borrowed\nerror: could not compile\n";
        assert_eq!(complaint_of(text), "error[E0521]: borrowed");
    }

    #[test]
    fn without_an_error_the_last_line_is_the_reason() {
        assert_eq!(complaint_of("one\ntwo\n\n"), "two");
    }

    #[test]
    fn without_a_word_the_exit_status_is_the_reason() {
        assert_eq!(complaint_of(""), "exit status: 1");
    }
}
