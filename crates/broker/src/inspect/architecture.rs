//! The architecture: the passports at the head of the process files, collected when the program is
//! built, and how many processes of each kind live.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Inspect;

/// What stands at the head of a process file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Passport {
    /// The name of the file, and of the kind of its processes if it has any.
    pub kind: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Where it is.
    pub file: &'static str,
    /// What it is in emqttd.
    pub emqttd: &'static str,
    /// Who starts it.
    pub started_by: &'static str,
    /// In whose turn its work is done.
    pub works_in: &'static str,
    /// For whom it waits.
    pub waits_for: &'static str,
    /// Who waits for it.
    pub waited_for_by: &'static str,
    /// What happens when it dies.
    pub if_it_dies: &'static str,
    /// What to look at.
    pub watch: &'static str,
    /// What differs from emqttd, and why.
    pub differs: &'static [&'static str],
}

/// All passports, by file.
pub const PASSPORTS: &[Passport] = &include!(concat!(env!("OUT_DIR"), "/passports.rs"));

/// A part of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ArchitectureView {
    /// What its file says of it.
    #[serde(flatten)]
    pub passport: Passport,
    /// How many of its processes live; none where it is no process.
    pub live_count: Option<u64>,
}

impl Passport {
    /// The passport of a kind of processes.
    #[must_use]
    pub fn of(kind: &str) -> Option<&'static Self> {
        PASSPORTS.iter().find(|passport| passport.kind == kind)
    }
}

impl Inspect {
    /// emqttd's modules and what became of each.
    #[must_use]
    pub fn architecture(&self) -> Vec<ArchitectureView> {
        let mut live: BTreeMap<&str, u64> = BTreeMap::new();
        for kind in crate::kinds::ALL {
            live.insert(kind.name, 0);
        }
        for records in &self.node().records {
            records.for_each(|_, record| *live.entry(record.kind).or_default() += 1);
        }
        let view = |passport: &Passport| ArchitectureView {
            passport: *passport,
            live_count: live.get(passport.kind).copied(),
        };
        PASSPORTS.iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_process_has_a_passport() {
        for kind in crate::kinds::ALL {
            let passport = Passport::of(kind.name).expect(kind.name);
            assert!(passport.file.ends_with(&format!("/{}.rs", kind.name)));
            assert!(!passport.if_it_dies.is_empty());
        }
    }

    #[test]
    fn a_passport_holds_what_its_file_says() {
        let sm = Passport::of("sm").unwrap();
        assert!(sm.emqttd.contains("emqttd_sm"));
        let said = include_str!("../sm.rs");
        assert!(said.contains(&format!("//! {}", sm.doc)));
        assert!(!Passport::of("router").unwrap().differs.is_empty());
    }
}
