//! Hooks: places where modules look at what passes by, change it or stop it.
//!
//! emqttd's eight hooks with emqttd's rules: callbacks run in ascending priority, and in the order of
//! their registration where that is equal; each gets what the one before made of the value and may
//! leave it, replace it, or end the run. Whoever runs a chain calls the callbacks, in its own turn.

// emqttd: emqttd_hook
// differs: a callback that fails is skipped and reported; in emqttd it ends the process that ran it.

use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Where callbacks are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookPoint {
    /// A client was answered with CONNACK.
    ClientConnected,
    /// A client subscribes; may change the filters or refuse them.
    ClientSubscribe,
    /// A client is subscribed.
    ClientSubscribeAfter,
    /// A client unsubscribes; may change the filters.
    ClientUnsubscribe,
    /// A message is published; may change it or swallow it.
    MessagePublish,
    /// A message was given to a client.
    MessageDelivered,
    /// A client acknowledged a message.
    MessageAcked,
    /// A connection ended.
    ClientDisconnected,
}

/// What a callback makes of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookStep<A> {
    /// Leaves it.
    Continue,
    /// Replaces it.
    ContinueWith(A),
    /// Leaves it, and nobody else is called.
    Stop,
    /// Replaces it, and nobody else is called.
    StopWith(A),
}

/// What a run of a chain made of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookOutcome<A> {
    /// The value after the last callback.
    pub value: A,
    /// Whether a callback ended the run.
    pub is_stopped: bool,
    /// The names of those that failed and were skipped.
    pub failed: Vec<Arc<str>>,
}

/// The callbacks of one hook in the order in which they are called.
#[derive(Clone, Debug)]
pub struct HookChain<F> {
    callbacks: Vec<Registered<F>>,
}

#[derive(Clone, Debug)]
struct Registered<F> {
    name: Arc<str>,
    priority: i32,
    callback: F,
}

/// A callback of that name is registered already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a callback named {0:?} is registered already")]
pub struct NameTaken(pub Arc<str>);

impl HookPoint {
    /// All of them in emqttd's order.
    pub const ALL: [Self; 8] = [
        Self::ClientConnected,
        Self::ClientSubscribe,
        Self::ClientSubscribeAfter,
        Self::ClientUnsubscribe,
        Self::MessagePublish,
        Self::MessageDelivered,
        Self::MessageAcked,
        Self::ClientDisconnected,
    ];

    /// emqttd's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientConnected => "client.connected",
            Self::ClientSubscribe => "client.subscribe",
            Self::ClientSubscribeAfter => "client.subscribe.after",
            Self::ClientUnsubscribe => "client.unsubscribe",
            Self::MessagePublish => "message.publish",
            Self::MessageDelivered => "message.delivered",
            Self::MessageAcked => "message.acked",
            Self::ClientDisconnected => "client.disconnected",
        }
    }
}

impl<F> Default for HookChain<F> {
    fn default() -> Self {
        Self {
            callbacks: Vec::new(),
        }
    }
}

impl<F> HookChain<F> {
    /// Registers a callback behind all of the same or a lower priority.
    ///
    /// # Errors
    ///
    /// [`NameTaken`] when there is one of that name; nothing changes.
    pub fn add(&mut self, name: Arc<str>, priority: i32, callback: F) -> Result<(), NameTaken> {
        if self.callbacks.iter().any(|other| other.name == name) {
            return Err(NameTaken(name));
        }
        let place = self
            .callbacks
            .partition_point(|other| other.priority <= priority);
        let registered = Registered {
            name,
            priority,
            callback,
        };
        self.callbacks.insert(place, registered);
        Ok(())
    }

    /// Takes a callback out and returns it.
    pub fn delete(&mut self, name: &str) -> Option<F> {
        let place = self
            .callbacks
            .iter()
            .position(|callback| &*callback.name == name)?;
        Some(self.callbacks.remove(place).callback)
    }

    /// Whether there is nobody to call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.callbacks.is_empty()
    }

    /// Names and callbacks in the order in which they are called.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &F)> {
        self.callbacks
            .iter()
            .map(|registered| (&registered.name, &registered.callback))
    }

    /// Runs the chain: `call` calls one callback with the value so far, and says `None` when it
    /// failed, in whatever way the caller catches that.
    pub fn run<A>(
        &self,
        value: A,
        mut call: impl FnMut(&F, &A) -> Option<HookStep<A>>,
    ) -> HookOutcome<A> {
        let mut outcome = HookOutcome {
            value,
            is_stopped: false,
            failed: Vec::new(),
        };
        for (name, callback) in self.iter() {
            match call(callback, &outcome.value) {
                None => outcome.failed.push(Arc::clone(name)),
                Some(HookStep::Continue) => {}
                Some(HookStep::ContinueWith(value)) => outcome.value = value,
                Some(HookStep::Stop) => outcome.is_stopped = true,
                Some(HookStep::StopWith(value)) => {
                    outcome.value = value;
                    outcome.is_stopped = true;
                }
            }
            if outcome.is_stopped {
                break;
            }
        }
        outcome
    }
}
