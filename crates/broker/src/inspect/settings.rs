//! Settings as they hold, each with where it comes from.

use castmq_settings::Effective;
use serde::Serialize;

use super::Inspect;

/// What stands in place of a secret.
const MASK: &str = "\"***\"";

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SettingView {
    /// The dotted path, with positions in lists.
    pub key: String,
    /// The value as it would be written in the file; none when the setting is off.
    pub value: Option<String>,
    /// The default, written the same way.
    pub default: Option<String>,
    /// `default`, `FILE:LINE`, the name of an environment variable, or `command line`.
    pub source: String,
    /// What it means.
    pub doc: String,
}

impl Inspect {
    /// All settings in the order of the file; secrets are masked.
    #[must_use]
    pub fn settings(&self) -> Vec<SettingView> {
        let all = self.node().settings.effective().into_iter();
        all.map(|setting| self.setting(setting)).collect()
    }

    fn setting(&self, setting: Effective) -> SettingView {
        let origin = self.handle.origins().get(&setting.key);
        let is_masked = setting.is_secret && setting.value != setting.default;
        SettingView {
            source: match origin {
                Some(origin) => origin.to_string(),
                // Who embeds a broker sets fields, of which nothing more is known.
                None if setting.value != setting.default => "program".to_owned(),
                None => "default".to_owned(),
            },
            key: setting.key,
            value: if is_masked {
                Some(MASK.to_owned())
            } else {
                setting.value
            },
            default: setting.default,
            doc: setting.doc,
        }
    }
}
