//! The table of who takes part: where each broker's program is, and how it is started.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::install;
use crate::journal::{Absent, Participant};

/// Stands for the port in command lines and configurations.
const PORT: &str = "{port}";
/// Stands for a folder for what the broker keeps, new for each run.
const DATA: &str = "{data}";
/// Stands for the configuration file in command lines.
const CONFIG: &str = "{config}";
/// Stands for the program in command lines.
const PROGRAM: &str = "{program}";

/// A broker of the table.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Where its program comes from.
    pub source: Source,
    /// Its command line.
    command: &'static str,
    /// Its configuration; empty for one that the command line configures.
    config: &'static str,
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This project.
    Ours,
    /// The system; the same name is Debian's package.
    System {
        /// The argument that makes it tell its version.
        version_flag: &'static str,
    },
    /// A crate, made a program in `tests/versus/peers`.
    Peer {
        /// The crate's version.
        version: &'static str,
    },
}

/// All brokers that are tried unless told otherwise.
pub const KNOWN: &[Known] = &[
    Known {
        name: "castmq",
        source: Source::Ours,
        command: "{program} start --config {config}",
        config: include_str!("../config/castmq.toml"),
    },
    Known {
        name: "mosquitto",
        source: Source::System { version_flag: "-h" },
        command: "{program} -c {config}",
        config: include_str!("../config/mosquitto.conf"),
    },
    Known {
        name: "castmq-disk",
        source: Source::Ours,
        command: "{program} start --config {config}",
        config: include_str!("../config/castmq-disk.toml"),
    },
    Known {
        name: "mosquitto-disk",
        source: Source::System { version_flag: "-h" },
        command: "{program} -c {config}",
        config: include_str!("../config/mosquitto-disk.conf"),
    },
    Known {
        name: "rumqttd",
        source: Source::Peer { version: "0.20.0" },
        command: "{program} {config}",
        config: include_str!("../config/rumqttd.toml"),
    },
    Known {
        name: "rmqtt",
        source: Source::Peer { version: "0.24.0" },
        command: "{program} 127.0.0.1:{port}",
        config: "",
    },
];

/// Our own name in the table.
pub const OURS: &str = "castmq";

/// CastMQ as it is by default: with its store in files.
pub const OURS_ON_DISK: &str = "castmq-disk";

/// Where programs are looked for and built.
#[derive(Clone, Debug)]
pub struct Places {
    /// The castmq to measure.
    pub castmq: PathBuf,
    /// Cargo's target directory for the peers.
    pub peers: PathBuf,
}

/// A broker that can be started as often as one likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its name in tables.
    pub name: String,
    /// What it says about its version.
    pub version: String,
    /// Its command line with placeholders.
    command: Vec<String>,
    /// Its configuration with placeholders.
    config: String,
}

impl Broker {
    /// Finds the program of a known broker; what is missing is installed if that is possible.
    ///
    /// # Errors
    ///
    /// Why it cannot take part.
    pub fn find(known: &Known, places: &Places) -> Result<Self, Absent> {
        let absent = |error: anyhow::Error| Absent {
            name: known.name.to_owned(),
            reason: format!("{error:#}"),
        };
        program(known, places)
            .and_then(|path| Self::known(known, &path))
            .map_err(absent)
    }

    fn known(known: &Known, program: &Path) -> anyhow::Result<Self> {
        let path = program.to_str().context("a path that is no text")?;
        let version = match known.source {
            Source::Ours => ask_version(program, "--version")?,
            Source::System { version_flag } => ask_version(program, version_flag)?,
            Source::Peer { version } => version.to_owned(),
        };
        let words = known.command.split_whitespace();
        Ok(Self {
            name: known.name.to_owned(),
            version,
            command: words.map(|word| word.replace(PROGRAM, path)).collect(),
            config: known.config.to_owned(),
        })
    }

    /// A broker of the user's: `NAME=COMMAND LINE with {port}`.
    ///
    /// # Errors
    ///
    /// A part is missing.
    pub fn given(text: &str) -> anyhow::Result<Self> {
        let (name, command) = text
            .split_once('=')
            .context("a broker is given as NAME=COMMAND LINE")?;
        ensure!(!name.is_empty(), "a broker without a name");
        ensure!(
            command.contains(PORT),
            "the command line of {name} has no {PORT}, on which it is to listen"
        );
        Ok(Self {
            name: name.to_owned(),
            version: "as given".to_owned(),
            command: command.split_whitespace().map(str::to_owned).collect(),
            config: String::new(),
        })
    }

    /// What the journal says about it; where the program lies says nothing to others.
    #[must_use]
    pub fn participant(&self) -> Participant {
        let mut words = self.command.iter().map(String::as_str);
        let program = words.next().unwrap_or_default();
        let (_, program) = program.rsplit_once('/').unwrap_or(("", program));
        Participant {
            name: self.name.clone(),
            version: self.version.clone(),
            command: iter::once(program)
                .chain(words)
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    /// The command that makes it listen on that port of the loopback interface, its configuration
    /// written into that folder.
    ///
    /// # Errors
    ///
    /// The configuration cannot be written.
    pub fn command(&self, port: u16, folder: &Path) -> anyhow::Result<Command> {
        let file = folder.join(format!("{}.conf", self.name));
        let port = port.to_string();
        let data = folder.join(format!("{}.data", self.name));
        if self.keeps_files() {
            // What the run before has left is not this one's.
            let _ = fs::remove_dir_all(&data);
            fs::create_dir_all(&data).with_context(|| data.display().to_string())?;
        }
        if !self.config.is_empty() {
            let config = self.config.replace(PORT, &port);
            let config = config.replace(DATA, &data.display().to_string());
            fs::write(&file, config).with_context(|| file.display().to_string())?;
        }
        let file = file.display().to_string();
        let mut words = self
            .command
            .iter()
            .map(|word| word.replace(CONFIG, &file).replace(PORT, &port));
        let Some(program) = words.next() else {
            bail!("{} has no command line", self.name);
        };
        let mut command = Command::new(program);
        command.args(words);
        Ok(command)
    }

    /// Whether what it acknowledges goes to files, as far as it does that at all. Such a broker takes part
    /// where that is what is measured.
    #[must_use]
    pub fn keeps_files(&self) -> bool {
        self.config.contains(DATA)
    }

    /// The same broker with more on its command line.
    #[must_use]
    pub fn with_arguments(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        self.command.extend(arguments);
        self
    }

    /// The same broker, started by another program.
    #[must_use]
    pub fn run_by(mut self, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned());
        self.command.splice(0..0, words);
        self
    }
}

fn program(known: &Known, places: &Places) -> anyhow::Result<PathBuf> {
    match known.source {
        Source::Ours => {
            let path = &places.castmq;
            ensure!(
                path.is_file(),
                "{} is not there: make build",
                path.display()
            );
            Ok(path.clone())
        }
        Source::System { .. } => {
            let package = known.name.trim_end_matches("-disk");
            install::debian_package(package)
        }
        Source::Peer { .. } => install::peer(known.name, &places.peers),
    }
}

/// The first line that a program prints when it is asked so.
fn ask_version(program: &Path, flag: &str) -> anyhow::Result<String> {
    let output = Command::new(program)
        .arg(flag)
        .output()
        .with_context(|| program.display().to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .next()
        .context("it does not tell its version")?;
    Ok(line.split_whitespace().last().unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use castmq_settings::{Settings, Sources};

    use super::*;

    /// A folder of its own for one test, gone at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("versus-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.0.join(name)).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn known(name: &str) -> Broker {
        let known = KNOWN.iter().find(|known| known.name == name).unwrap();
        Broker {
            name: name.to_owned(),
            version: String::new(),
            command: known.command.split(' ').map(str::to_owned).collect(),
            config: known.config.to_owned(),
        }
    }

    fn words(command: &Command) -> Vec<String> {
        let program = iter::once(command.get_program());
        program
            .chain(command.get_args())
            .map(|word| word.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn mosquitto_reads_a_configuration_with_the_port_in_it() {
        let folder = Folder::new("mosquitto");
        let command = known("mosquitto").command(1234, &folder.0).unwrap();
        let file = folder.0.join("mosquitto.conf").display().to_string();
        assert_eq!(words(&command), ["{program}", "-c", &file]);
        assert!(
            folder
                .read("mosquitto.conf")
                .contains("\nlistener 1234 127.0.0.1\n")
        );
    }

    #[test]
    fn rumqttd_reads_a_configuration_with_the_port_in_it() {
        let folder = Folder::new("rumqttd");
        known("rumqttd").command(1234, &folder.0).unwrap();
        assert!(
            folder
                .read("rumqttd.conf")
                .contains("listen = \"127.0.0.1:1234\"")
        );
    }

    #[test]
    fn rmqtt_is_told_the_port_on_its_command_line() {
        let folder = Folder::new("rmqtt");
        let command = known("rmqtt").command(1234, &folder.0).unwrap();
        assert_eq!(words(&command), ["{program}", "127.0.0.1:1234"]);
    }

    fn settings(name: &str) -> Settings {
        let folder = Folder::new(name);
        known(name).command(1234, &folder.0).unwrap();
        let sources = Sources {
            file: Some(folder.0.join(format!("{name}.conf"))),
            ..Sources::default()
        };
        let settings = Settings::load(sources).unwrap();
        assert_eq!(settings.listener[0].address.port(), 1234);
        assert_eq!(settings.node.arbiters, 1);
        settings
    }

    #[test]
    fn castmq_accepts_its_configuration() {
        let in_memory = settings("castmq");
        let mut on_disk = settings("castmq-disk");
        assert!(on_disk.store.data_dir.ends_with("castmq-disk.data"));
        on_disk.store = in_memory.store.clone();
        assert_eq!(on_disk, in_memory, "they differ in nothing else");
    }

    #[test]
    fn who_keeps_files_gets_a_new_folder_each_time() {
        let folder = Folder::new("files");
        let broker = known("mosquitto-disk");
        broker.command(1, &folder.0).unwrap();
        let kept = folder.0.join("mosquitto-disk.data").join("mosquitto.db");
        fs::write(&kept, "from before").unwrap();
        broker.command(2, &folder.0).unwrap();
        assert!(!kept.exists());
        assert!(!known("mosquitto").keeps_files());
    }

    #[test]
    fn a_broker_can_be_given_by_its_command_line() {
        let folder = Folder::new("given");
        let broker = Broker::given("nanomq=nanomq start --url nmq-tcp://127.0.0.1:{port}").unwrap();
        let command = broker.command(1234, &folder.0).unwrap();
        assert_eq!(broker.name, "nanomq");
        assert_eq!(
            words(&command),
            ["nanomq", "start", "--url", "nmq-tcp://127.0.0.1:1234"]
        );
    }

    #[test]
    fn a_broker_that_is_not_told_the_port_is_refused() {
        let error = Broker::given("nanomq=nanomq start").unwrap_err();
        assert!(error.to_string().contains("has no {port}"), "{error}");
    }

    #[test]
    fn a_broker_without_a_command_line_is_refused() {
        assert!(Broker::given("nanomq").is_err());
    }

    #[test]
    fn a_command_line_is_told_without_the_program_s_folder() {
        let broker = Broker::given("mine=/opt/mine/bin/broker -p {port}").unwrap();
        assert_eq!(broker.participant().command, "broker -p {port}");
    }

    #[test]
    fn a_broker_can_be_run_by_another_program() {
        let folder = Folder::new("run-by");
        let broker = known("rmqtt")
            .run_by(&["valgrind", "-q"])
            .with_arguments(&["--more"]);
        let command = broker.command(1, &folder.0).unwrap();
        assert_eq!(
            words(&command),
            ["valgrind", "-q", "{program}", "127.0.0.1:1", "--more"]
        );
    }

    #[test]
    fn a_peer_s_version_is_the_one_that_is_built() {
        for known in KNOWN {
            let Source::Peer { version } = known.source else {
                continue;
            };
            let root = env!("CARGO_MANIFEST_DIR");
            let path = format!("{root}/peers/{}/Cargo.toml", known.name);
            let manifest = fs::read_to_string(path).unwrap();
            let pinned = format!("{} = {{ version = \"={version}\"", known.name);
            assert!(manifest.contains(&pinned), "{}", known.name);
        }
    }

    #[test]
    fn a_broker_that_is_not_built_is_absent_with_the_reason() {
        let places = Places {
            castmq: "/nowhere/castmq".into(),
            peers: "/nowhere".into(),
        };
        let absent = Broker::find(&KNOWN[0], &places).unwrap_err();
        assert_eq!(absent.reason, "/nowhere/castmq is not there: make build");
    }
}
