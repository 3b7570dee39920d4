//! The types that settings have, and how `config` keeps them while it merges.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use config::{Map, Value, ValueKind};

use crate::declare::{Section, Stored};

impl Stored for bool {
    fn keep(&self) -> ValueKind {
        ValueKind::Boolean(*self)
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        if let ValueKind::Boolean(value) = kept {
            Some(*value)
        } else {
            None
        }
    }
}

/// Whole numbers are kept as `u64`, whatever their width.
macro_rules! whole {
    ($($type:ty),*) => { $(
        impl Stored for $type {
            fn keep(&self) -> ValueKind {
                ValueKind::U64(u64::from(*self))
            }

            fn restore(kept: &ValueKind) -> Option<Self> {
                if let ValueKind::U64(value) = kept { (*value).try_into().ok() } else { None }
            }
        }
    )* };
}
whole!(u8, u16, u32, u64);

impl Stored for f64 {
    fn keep(&self) -> ValueKind {
        ValueKind::Float(*self)
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        if let ValueKind::Float(value) = kept {
            Some(*value)
        } else {
            None
        }
    }
}

/// Kept in nanoseconds: 584 years are enough, and [`Kind`](crate::Kind) refuses more.
impl Stored for Duration {
    fn keep(&self) -> ValueKind {
        ValueKind::U64(u64::try_from(self.as_nanos()).unwrap_or(u64::MAX))
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        u64::restore(kept).map(Self::from_nanos)
    }
}

impl Stored for String {
    fn keep(&self) -> ValueKind {
        ValueKind::String(self.clone())
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        if let ValueKind::String(value) = kept {
            Some(value.clone())
        } else {
            None
        }
    }
}

impl Stored for PathBuf {
    fn keep(&self) -> ValueKind {
        ValueKind::String(self.display().to_string())
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        String::restore(kept).map(Self::from)
    }
}

impl Stored for SocketAddr {
    fn keep(&self) -> ValueKind {
        ValueKind::String(self.to_string())
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        String::restore(kept).and_then(|text| crate::units::address(&text))
    }
}

impl Stored for crate::Fsync {
    fn keep(&self) -> ValueKind {
        ValueKind::String(crate::units::show_fsync(*self))
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        String::restore(kept).and_then(|text| crate::units::fsync(&text))
    }
}

/// An empty text in the file means "not set".
impl<T: Stored> Stored for Option<T> {
    fn keep(&self) -> ValueKind {
        self.as_ref().map_or(ValueKind::Nil, Stored::keep)
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        let is_off = *kept == ValueKind::Nil || *kept == ValueKind::String(String::new());
        if is_off {
            Some(None)
        } else {
            T::restore(kept).map(Some)
        }
    }
}

impl Stored for BTreeMap<String, u8> {
    fn keep(&self) -> ValueKind {
        let each = |(key, value): (&String, &u8)| (key.clone(), Value::new(None, value.keep()));
        ValueKind::Table(self.iter().map(each).collect())
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        let ValueKind::Table(table) = kept else {
            return None;
        };
        table
            .iter()
            .map(|(key, value)| Some((key.clone(), u8::restore(&value.kind)?)))
            .collect()
    }
}

impl Stored for Vec<String> {
    fn keep(&self) -> ValueKind {
        let each = |text: &String| Value::new(None, text.keep());
        ValueKind::Array(self.iter().map(each).collect())
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        let ValueKind::Array(list) = kept else {
            return None;
        };
        list.iter()
            .map(|value| String::restore(&value.kind))
            .collect()
    }
}

/// A group of settings is a table.
impl<S: Section> Stored for S {
    fn keep(&self) -> ValueKind {
        ValueKind::Table(Section::keep(self))
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        let ValueKind::Table(table) = kept else {
            return None;
        };
        let mut section = S::default();
        section.take(table);
        Some(section)
    }
}

/// A list of tables; what an element does not say has the default of its section.
impl<S: Section> Stored for Vec<S> {
    fn keep(&self) -> ValueKind {
        let each = |element: &S| Value::new(None, ValueKind::Table(element.keep()));
        ValueKind::Array(self.iter().map(each).collect())
    }

    fn restore(kept: &ValueKind) -> Option<Self> {
        let ValueKind::Array(list) = kept else {
            return None;
        };
        let nothing = Map::new();
        let each = |value: &Value| {
            let mut element = S::default();
            element.take(if let ValueKind::Table(table) = &value.kind {
                table
            } else {
                &nothing
            });
            element
        };
        Some(list.iter().map(each).collect())
    }
}
