//! Goes through the lines, and knows which listener or bridge they are about.

use super::absent;
use super::general::General;
use super::line::{self, Line, Note};
use super::listener::Listener;
use super::security::Security;

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Reader {
    /// Whether security is said for each listener, not for all.
    per_listener: bool,
    general: General,
    security: Security,
    /// What stands before the first listener is about one that nothing else begins.
    default: Listener,
    listeners: Vec<Listener>,
    bridge: Option<Bridge>,
    notes: Vec<Note>,
    wrong: Vec<Note>,
}

/// A connection to another broker; all its lines are one note.
#[derive(Debug)]
struct Bridge {
    note: Note,
    options: usize,
}

/// All that a file says.
#[derive(Debug)]
pub(super) struct Mosquitto {
    pub(super) general: General,
    pub(super) listeners: Vec<Listener>,
    pub(super) notes: Vec<Note>,
}

impl Reader {
    /// Nothing is read yet; but what security is about holds for all lines.
    pub(super) fn new(text: &str) -> Self {
        let mut settings = line::lines(text).filter(|line| line.option == "per_listener_settings");
        Self {
            per_listener: settings.any(|line| line.flag() == Ok(true)),
            general: General::default(),
            security: Security::default(),
            default: Listener::default(),
            listeners: Vec::new(),
            bridge: None,
            notes: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// Takes a line; what is wrong with it is told at the end.
    pub(super) fn take(&mut self, line: &Line<'_>) {
        if let Err(wrong) = self.understand(line) {
            self.wrong.push(wrong);
        }
    }

    fn understand(&mut self, line: &Line<'_>) -> Result<(), Note> {
        match line.option {
            "per_listener_settings" => line.flag().map(|_| ()),
            "include_dir" => {
                line.text()?;
                self.notes.push(
                    line.note(
                        "the files in it are not read; put their lines here and import again",
                    ),
                );
                Ok(())
            }
            "listener" => {
                let listener = Listener::begin(line, &mut self.notes)?;
                self.listeners.push(listener);
                Ok(())
            }
            "connection" => self.begin_bridge(line),
            option if absent::is_of_a_bridge(option) => {
                let bridge = self.bridge.as_mut();
                let bridge = bridge.ok_or_else(|| line.note("stands before any connection"))?;
                bridge.options += 1;
                Ok(())
            }
            _ => self.understand_setting(line),
        }
    }

    fn begin_bridge(&mut self, line: &Line<'_>) -> Result<(), Note> {
        self.end_bridge();
        let name = line.text()?;
        self.bridge = Some(Bridge {
            note: line.note(format!("there are no bridges; {name} is left out")),
            options: 0,
        });
        Ok(())
    }

    fn end_bridge(&mut self) {
        if let Some(Bridge { mut note, options }) = self.bridge.take() {
            note.text.push_str(&format!(", with {options} lines"));
            self.notes.push(note);
        }
    }

    fn understand_setting(&mut self, line: &Line<'_>) -> Result<(), Note> {
        let notes = &mut self.notes;
        let listener = self.listeners.last_mut().unwrap_or(&mut self.default);
        let security = if self.per_listener && line.option != "global_plugin" {
            &mut listener.security
        } else {
            &mut self.security
        };
        if security.take(line, notes)?
            || self.general.take(line, notes)?
            || listener.take(line, notes)?
        {
            return Ok(());
        }
        let why = absent::reason(line.option);
        notes.push(line.note(why.unwrap_or("not known; nothing stands for it")));
        Ok(())
    }

    /// All that was read, each listener with the security that holds for it.
    ///
    /// # Errors
    ///
    /// What was wrong.
    pub(super) fn finish(mut self) -> Result<Mosquitto, Vec<Note>> {
        self.end_bridge();
        let is_local = self.listeners.is_empty() && !self.default.has_place();
        if self.default.is_meant || self.listeners.is_empty() {
            self.default.is_local = is_local;
            self.listeners.insert(0, self.default);
        }
        for listener in &mut self.listeners {
            // A plugin for all stands in the settings for all even if there are others.
            let mut security = listener.security.clone();
            if !self.per_listener {
                security = security.or(&self.security);
            }
            security.has_plugin |= self.security.has_plugin;
            // Without any listener mosquitto lets in whoever is on its machine.
            security.allow_anonymous.get_or_insert(is_local);
            listener.security = security;
            self.wrong.extend(listener.contradictions());
        }
        if !self.wrong.is_empty() {
            self.wrong.sort_by_key(|wrong| wrong.line);
            return Err(self.wrong);
        }
        Ok(Mosquitto {
            general: self.general,
            listeners: self.listeners,
            notes: self.notes,
        })
    }
}
