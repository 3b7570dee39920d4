//! Password files: who the users are and what is known of their passwords.
//!
//! A user has a line, or two when one of them is for SCRAM. Lines that begin with `#` are comments.

use std::collections::BTreeMap;
use std::fmt;

use castmq_mqtt::Text;
use ring::digest;

use crate::problems::numbered;
use crate::{LineError, PasswordHash, PasswordLine, Problem, Problems, StoredScram};

#[cfg(test)]
mod tests;

/// The text of a password file and what it says. Edits keep comments and order.
#[derive(Clone, Debug, Default)]
pub struct PasswordFile {
    rows: Vec<Row>,
    /// Where the lines of each user stand.
    users: BTreeMap<Text, Vec<usize>>,
    /// Where any lines stand.
    lines: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Row {
    /// A comment or an empty line.
    Kept(Box<str>),
    Line(PasswordLine),
}

/// What a password file says of a user and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// That is the password.
    Accepted {
        /// Whether nothing is forbidden to the user.
        superuser: bool,
    },
    /// That is not the password.
    WrongPassword,
    /// There is no such user.
    UnknownUser,
}

impl PasswordFile {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`Problems`] with every line that is none, and every user who has two of a kind.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut file = Self::default();
        let mut problems = Vec::new();
        let mut seen = BTreeMap::new();
        for (number, row) in numbered(text) {
            if row.starts_with('#') || row.trim().is_empty() {
                file.rows.push(Row::Kept(row.trim_end().into()));
                continue;
            }
            match row.parse::<PasswordLine>() {
                Ok(line) => {
                    let kind = (line.user.clone(), line.hash.as_scram().is_some());
                    if let Some(first) = seen.insert(kind, number) {
                        let user = &line.user;
                        let what = format!("the user `{user}` stands in line {first} already");
                        problems.push(Problem::new(number, what));
                    }
                    file.rows.push(Row::Line(line));
                }
                Err(error) => problems.push(Problem::new(number, error.to_string())),
            }
        }
        file.index();
        Problems::or(problems, file)
    }

    /// Whether this is the user's password. Slow by design.
    ///
    /// For a user who is not there the line of another is checked in vain, chosen by the name, so that
    /// the time does not tell who is there.
    #[must_use]
    pub fn check(&self, user: &str, password: &[u8]) -> Checked {
        let known = self.password_line(user);
        let is_it = match known.or_else(|| self.someone_instead_of(user)) {
            Some(line) => line.hash.verify(password),
            None => PasswordHash::decoy().verify(password),
        };
        match known {
            Some(_) if is_it => Checked::Accepted {
                superuser: self.is_superuser(user),
            },
            Some(_) => Checked::WrongPassword,
            None => Checked::UnknownUser,
        }
    }

    /// What SCRAM needs of a user.
    #[must_use]
    pub fn scram(&self, user: &str) -> Option<&StoredScram> {
        self.lines_of(user).find_map(|line| line.hash.as_scram())
    }

    /// Whether nothing is forbidden to a user.
    #[must_use]
    pub fn is_superuser(&self, user: &str) -> bool {
        self.lines_of(user).any(|line| line.superuser)
    }

    /// The users in the order of their names.
    pub fn users(&self) -> impl Iterator<Item = &Text> {
        self.users.keys()
    }

    /// Gives a user another hash in place of the one of its kind, or a line at the end.
    ///
    /// # Errors
    ///
    /// [`LineError`] when no line can be about such a user.
    pub fn set(&mut self, user: &str, hash: PasswordHash) -> Result<(), LineError> {
        let user = PasswordLine::user(user)?;
        let superuser = self.is_superuser(&user);
        let is_scram = hash.as_scram().is_some();
        let of_its_kind = |row: &&mut Row| match row {
            Row::Line(line) => line.user == user && line.hash.as_scram().is_some() == is_scram,
            Row::Kept(_) => false,
        };
        let old = self.rows.iter_mut().find(of_its_kind);
        let line = Row::Line(PasswordLine {
            user: user.clone(),
            hash,
            superuser,
        });
        match old {
            Some(row) => *row = line,
            None => self.rows.push(line),
        }
        self.index();
        Ok(())
    }

    /// Says whether nothing is forbidden to a user; `false` when there is no such user.
    pub fn set_superuser(&mut self, user: &str, superuser: bool) -> bool {
        let mut is_there = false;
        for row in &mut self.rows {
            if let Row::Line(line) = row
                && line.user.as_str() == user
            {
                line.superuser = superuser;
                is_there = true;
            }
        }
        is_there
    }

    /// Removes a user; `false` when there is none.
    pub fn remove(&mut self, user: &str) -> bool {
        let rows = self.rows.len();
        self.rows.retain(|row| match row {
            Row::Line(line) => line.user.as_str() != user,
            Row::Kept(_) => true,
        });
        self.index();
        self.rows.len() < rows
    }

    /// The text to write back.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.rows.iter().map(|row| format!("{row}\n")).collect()
    }

    fn index(&mut self) {
        self.users.clear();
        self.lines.clear();
        for (index, row) in self.rows.iter().enumerate() {
            if let Row::Line(line) = row {
                let lines = self.users.entry(line.user.clone()).or_default();
                lines.push(index);
                self.lines.push(index);
            }
        }
    }

    fn lines_of(&self, user: &str) -> impl Iterator<Item = &PasswordLine> {
        let lines = self.users.get(user).map(Vec::as_slice);
        lines
            .unwrap_or_default()
            .iter()
            .filter_map(|at| self.line(*at))
    }

    fn line(&self, at: usize) -> Option<&PasswordLine> {
        match self.rows.get(at)? {
            Row::Line(line) => Some(line),
            Row::Kept(_) => None,
        }
    }

    /// The line that plain passwords are checked against: SCRAM's only when there is no other.
    fn password_line(&self, user: &str) -> Option<&PasswordLine> {
        self.lines_of(user)
            .min_by_key(|line| line.hash.as_scram().is_some())
    }

    fn someone_instead_of(&self, user: &str) -> Option<&PasswordLine> {
        let hash = digest::digest(&digest::SHA256, user.as_bytes());
        let number = hash.as_ref().iter().take(7).fold(0, |number: usize, byte| {
            number.wrapping_shl(8) | usize::from(*byte)
        });
        let index = number.checked_rem(self.lines.len())?;
        let someone = self.line(*self.lines.get(index)?)?;
        self.password_line(&someone.user)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(text) => formatter.write_str(text),
            Self::Line(line) => line.fmt(formatter),
        }
    }
}
