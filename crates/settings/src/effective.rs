//! What holds: every setting with its value, as it would be written in the file.

use config::{Map, Value, ValueKind};

use crate::declare::{Section, join};
use crate::{Key, Kind, Settings, keys};

/// Settings with such a name hold something that nobody is shown.
const SECRETS: [&str; 11] = [
    "fields",
    "headers",
    "password",
    "passwords",
    "secret",
    "secrets",
    "token",
    "tokens",
    "hash",
    "sha256",
    "users",
];

/// A setting and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The dotted path, with positions in lists, counted from 0.
    pub key: String,
    /// The value as it would be written in the file; `None` when the setting is off.
    pub value: Option<String>,
    /// The default, written the same way.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
    /// Whether the value is for nobody's eyes.
    pub is_secret: bool,
}

impl Settings {
    /// Every setting with its value, in the order of the file; those of lists once for each element.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let kept = ValueKind::Table(Section::keep(self));
        let mut all = Vec::new();
        for key in keys() {
            let path: Vec<&str> = key.key.split('.').collect();
            expand(&kept, &path, "", &mut |at, value| {
                all.extend(effective(&key, at, value));
            });
        }
        all
    }
}

/// Calls `found` for each value that a path leads to; `*` leads to all elements of a list.
fn expand(value: &ValueKind, path: &[&str], at: &str, found: &mut impl FnMut(&str, &ValueKind)) {
    let Some((name, rest)) = path.split_first() else {
        return found(at, value);
    };
    if let ValueKind::Table(table) = value {
        if let Some(inner) = table.get(*name) {
            expand(&inner.kind, rest, &join(at, name), found);
        }
    } else if let ValueKind::Array(list) = value
        && *name == "*"
    {
        for (position, element) in list.iter().enumerate() {
            expand(&element.kind, rest, &join(at, &position.to_string()), found);
        }
    }
}

/// A list of tables says nothing by itself, its elements do.
fn effective(key: &Key, at: &str, value: &ValueKind) -> Option<Effective> {
    let is_tables = matches!(key.kind, Kind::List(_));
    if is_tables && !matches!(value, ValueKind::Array(list) if list.is_empty()) {
        return None;
    }
    let name = at.rsplit('.').next().unwrap_or_default();
    Some(Effective {
        key: at.to_owned(),
        value: key.kind.show(value).map(without_password),
        default: key.default.clone(),
        doc: key.doc.clone(),
        is_secret: SECRETS.contains(&name),
    })
}

/// An address may hold a user's password.
fn without_password(text: String) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text;
    };
    let end = rest.find(['/', '?', '"']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => text,
    }
}

/// A table as it would be written in one line.
pub(crate) fn show_table(table: &Map<String, Value>) -> String {
    let mut rows: Vec<String> = table
        .iter()
        .map(|(name, value)| format!("\"{name}\" = {value}"))
        .collect();
    if rows.is_empty() {
        return "{}".to_owned();
    }
    rows.sort();
    format!("{{ {} }}", rows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(settings: &Settings, key: &str) -> Option<String> {
        let all = settings.effective();
        let found = all.iter().find(|setting| setting.key == key);
        found.and_then(|setting| setting.value.clone())
    }

    #[test]
    fn every_setting_but_lists_of_tables_has_its_place() {
        let all = Settings::default().effective();
        let missing: Vec<String> = (keys().into_iter())
            .filter(|key| !key.key.contains('*') && !matches!(key.kind, Kind::List(_)))
            .map(|key| key.key)
            .filter(|key| !all.iter().any(|setting| setting.key == *key))
            .collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_settings_of_each_listener_stand_for_themselves() {
        let mut settings = Settings::default();
        settings.listener.push(crate::Listener {
            name: "second".to_owned(),
            ..crate::Listener::default()
        });
        assert_eq!(
            value_of(&settings, "listener.1.name"),
            Some("\"second\"".to_owned())
        );
    }

    #[test]
    fn a_duration_has_its_unit() {
        let settings = Settings::default();
        assert_eq!(
            value_of(&settings, "sysmon.long_turn"),
            Some("\"50ms\"".to_owned())
        );
    }

    #[test]
    fn headers_are_secret_and_addresses_lose_their_passwords() {
        let mut settings = Settings::default();
        settings.auth.http.url = Some("http://user:pass@host/path?u=%u".to_owned());
        let all = settings.effective();
        let headers = all
            .iter()
            .find(|setting| setting.key == "auth.http.headers");
        assert!(headers.unwrap().is_secret);
        assert_eq!(
            value_of(&settings, "auth.http.url"),
            Some("\"http://***@host/path?u=%u\"".to_owned())
        );
    }
}
