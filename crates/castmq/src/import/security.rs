//! Who is let in, and with which rights: of one listener, or of all.

use super::line::{Line, Note};

/// What mosquitto calls security settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    pub(super) allow_anonymous: Option<bool>,
    pub(super) password_file: Option<Named>,
    pub(super) acl_file: Option<Named>,
    /// Somebody else decides, too.
    pub(super) has_plugin: bool,
    /// Whose options come.
    plugin: Plugin,
}

/// A file, and which line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: String,
}

/// Plugins that come with mosquitto 2.1 and do what options did before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Plugin {
    #[default]
    Unknown,
    PasswordFile,
    AclFile,
}

impl Security {
    /// Takes a line; whether it is about security.
    ///
    /// # Errors
    ///
    /// When the value cannot be.
    pub(super) fn take(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<bool, Note> {
        let named = || {
            line.owned().map(|path| Named {
                line: line.number,
                path,
            })
        };
        match line.option {
            "allow_anonymous" => self.allow_anonymous = Some(line.flag()?),
            "password_file" => self.password_file = Some(named()?),
            "acl_file" => self.acl_file = Some(named()?),
            "plugin" | "auth_plugin" | "global_plugin" | "plugin_load" => {
                self.take_plugin(line, notes)?;
            }
            "plugin_use" => {}
            "plugin_opt_password_file" if self.plugin == Plugin::PasswordFile => {
                self.password_file = Some(named()?);
            }
            "plugin_opt_acl_file" if self.plugin == Plugin::AclFile => {
                self.acl_file = Some(named()?);
            }
            option if option.starts_with("plugin_opt_") || option.starts_with("auth_opt_") => {
                notes.push(line.note("there are no plugins that it could be for"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_plugin(&mut self, line: &Line<'_>, notes: &mut Vec<Note>) -> Result<(), Note> {
        let path = line.text()?;
        let file = path.rsplit('/').next().unwrap_or(path);
        self.plugin = if file.contains("mosquitto_password_file") {
            Plugin::PasswordFile
        } else if file.contains("mosquitto_acl_file") {
            Plugin::AclFile
        } else {
            Plugin::Unknown
        };
        if self.plugin == Plugin::Unknown {
            self.has_plugin = true;
            notes.push(line.note(
                "mosquitto's plugins cannot be loaded; auth.http and auth.jwt ask others who may \
                 connect",
            ));
        }
        Ok(())
    }

    /// What is not said here is as there.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            allow_anonymous: self.allow_anonymous.or(other.allow_anonymous),
            password_file: self
                .password_file
                .clone()
                .or_else(|| other.password_file.clone()),
            acl_file: self.acl_file.clone().or_else(|| other.acl_file.clone()),
            has_plugin: self.has_plugin || other.has_plugin,
            plugin: Plugin::Unknown,
        }
    }
}
