//! How a section of settings is declared: each setting once, with its type, default, limits and text.
//!
//! From one declaration come the public struct, its `Default`, the reader and the key table, so
//! that none of them can forget a setting.

use config::{Map, Value, ValueKind};

use crate::kind::{Elements, Kind};

/// One setting as users see it: what tidy compares with the file and what the documentation lists.
#[derive(Clone, Debug)]
pub struct Key {
    /// The dotted path; `*` stands for the position in a list.
    pub key: String,
    /// What values it takes.
    pub kind: Kind,
    /// The default as it would be written in the file; `None` when the setting is off by default.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
}

/// A value that can be kept in a merged configuration and taken out again.
pub(crate) trait Stored: Sized {
    /// The value as `config` keeps it.
    fn keep(&self) -> ValueKind;
    /// The value taken out, if it has the right shape.
    fn restore(kept: &ValueKind) -> Option<Self>;
}

/// A group of settings with a path of its own.
pub(crate) trait Section: Default {
    /// Adds the settings to the key table, their names behind `path`.
    fn declare(path: &str, keys: &mut Vec<Key>);
    /// All values.
    fn keep(&self) -> Map<String, Value>;
    /// Takes over the values that `kept` has; the others stay.
    fn take(&mut self, kept: &Map<String, Value>);
}

/// Declares a section: `name: Type = default, kind;` under its documentation.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $( $(#[doc = $doc:literal])* $field:ident : $type:ty = $default:expr, $kind:expr; )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $crate::declare::Section for $name {
            fn declare(path: &str, keys: &mut Vec<$crate::Key>) {
                let defaults = Self::default();
                $({
                    let kind: $crate::Kind = $kind;
                    let kept = $crate::declare::Stored::keep(&defaults.$field);
                    $crate::declare::declare_one(
                        &$crate::declare::join(path, stringify!($field)),
                        kind,
                        &kept,
                        concat!($($doc, "\n"),*),
                        keys,
                    );
                })*
            }

            fn keep(&self) -> config::Map<String, config::Value> {
                let mut all = config::Map::new();
                $( $crate::declare::put(&mut all, stringify!($field), &self.$field); )*
                all
            }

            fn take(&mut self, kept: &config::Map<String, config::Value>) {
                $( $crate::declare::get(kept, stringify!($field), &mut self.$field); )*
            }
        }
    };
}

/// Declares an enum that is written as one of a few words.
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        $name:ident { $( $(#[doc = $doc:literal])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $doc])* $variant, )*
        }

        impl $name {
            /// Every value there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The words that the file may hold.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for this value.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }

            /// What users may write.
            pub(crate) fn kind() -> $crate::Kind {
                $crate::Kind::Choice(Self::WORDS)
            }
        }

        impl $crate::declare::Stored for $name {
            fn keep(&self) -> config::ValueKind {
                config::ValueKind::String(self.word().to_owned())
            }

            fn restore(kept: &config::ValueKind) -> Option<Self> {
                let config::ValueKind::String(word) = kept else { return None };
                match word.as_str() {
                    $( $word => Some(Self::$variant), )*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use {choice, section};

/// `path.name`, or the name alone at the top.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Adds one setting to the key table; a list brings the settings of its elements along, and a
/// group is only these.
pub(crate) fn declare_one(key: &str, kind: Kind, kept: &ValueKind, doc: &str, keys: &mut Vec<Key>) {
    if let Kind::Group(Elements(declare)) = kind {
        return declare(key, keys);
    }
    let doc = doc.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    keys.push(Key {
        default: kind.show(kept),
        key: key.to_owned(),
        kind,
        doc,
    });
    if let Kind::List(Elements(declare)) = kind {
        declare(&join(key, "*"), keys);
    }
}

/// Keeps one value under its name.
pub(crate) fn put<T: Stored>(all: &mut Map<String, Value>, name: &str, value: &T) {
    all.insert(name.to_owned(), Value::new(None, value.keep()));
}

/// Takes one value over if it is there and fits.
pub(crate) fn get<T: Stored>(kept: &Map<String, Value>, name: &str, into: &mut T) {
    if let Some(value) = kept.get(name).and_then(|value| T::restore(&value.kind)) {
        *into = value;
    }
}
