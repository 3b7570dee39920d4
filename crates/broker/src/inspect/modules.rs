//! Modules: who is asked who a client is and what it may do, and who hears of what happens.

use castmq_settings::AUTH_MODULES;
use serde::Serialize;

use super::Inspect;
use super::architecture::Passport;

/// A module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ModuleView {
    /// Its name, as in the settings where it stands there.
    pub name: String,
    /// `authenticator`, `authorizer`, `hook` or `module`.
    pub kind: &'static str,
    /// What it does.
    pub description: String,
    /// Whether it is in use.
    pub is_active: bool,
}

impl Inspect {
    /// All modules that there are, in use or not, and whatever the program has added.
    #[must_use]
    pub fn modules(&self) -> Vec<ModuleView> {
        let mut all = self.authenticators();
        all.extend(self.authorizers());
        let modules = &self.node().settings.modules;
        let optional = [
            ("presence", "mod_presence", modules.presence.enabled),
            (
                "subscription",
                "mod_subscription",
                modules.subscription.enabled,
            ),
            ("rewrite", "mod_rewrite", modules.rewrite.enabled),
        ];
        all.extend(optional.map(|(name, kind, is_active)| ModuleView {
            name: name.to_owned(),
            kind: "module",
            description: doc_of(kind),
            is_active,
        }));
        all.extend(self.hooks());
        all
    }

    fn authenticators(&self) -> Vec<ModuleView> {
        let modules = self.node().access.modules();
        let in_use = modules.authenticators.iter();
        let in_use = in_use.chain(modules.by_listener.values().flatten());
        let in_use: Vec<&'static str> = in_use.map(|module| module.name()).collect();
        let known = AUTH_MODULES.iter().map(|name| ModuleView {
            name: (*name).to_owned(),
            kind: "authenticator",
            description: doc_of(file_of(name)),
            is_active: in_use.contains(name),
        });
        let mut all: Vec<_> = known.collect();
        for name in in_use {
            if !all.iter().any(|module| module.name == name) {
                all.push(ModuleView {
                    name: name.to_owned(),
                    kind: "authenticator",
                    description: "added by the program".to_owned(),
                    is_active: true,
                });
            }
        }
        all
    }

    fn authorizers(&self) -> Vec<ModuleView> {
        let modules = self.node().access.modules();
        let in_use: Vec<&'static str> = (modules.authorizers.iter())
            .map(|module| module.name())
            .collect();
        let mut all = vec![ModuleView {
            name: "acl_internal".to_owned(),
            kind: "authorizer",
            description: doc_of("acl_internal"),
            is_active: in_use.contains(&"acl_internal"),
        }];
        for name in in_use {
            if !all.iter().any(|module| module.name == name) {
                all.push(ModuleView {
                    name: name.to_owned(),
                    kind: "authorizer",
                    description: "added by the program".to_owned(),
                    is_active: true,
                });
            }
        }
        all
    }

    /// The callbacks of hooks.
    pub(super) fn hooks(&self) -> Vec<ModuleView> {
        let hooks = self.node().hooks.load();
        let callbacks = hooks.names().into_iter();
        callbacks
            .map(|(hook, name)| ModuleView {
                name: name.to_string(),
                kind: "hook",
                description: format!("is called at {hook}"),
                is_active: true,
            })
            .collect()
    }
}

/// Which file a module of the settings is in.
fn file_of(name: &str) -> &'static str {
    match name {
        "client_certificate" => "auth_certificate",
        "password_file" | "users" => "auth_username",
        "clientid" => "auth_clientid",
        "jwt" => "auth_jwt",
        "http" => "auth_http",
        _ => "auth_anonymous",
    }
}

/// The sentence behind the name.
fn doc_of(kind: &str) -> String {
    let doc = Passport::of(kind).map_or("", |passport| passport.doc);
    let sentence = doc.split_once(": ").map_or(doc, |(_, sentence)| sentence);
    sentence.to_owned()
}
