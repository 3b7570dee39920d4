//! A retainer beside a session, for tests.

use castmq_mqtt::{QoS, RetainHandling, SubscriptionOptions};

use crate::session::RetainedChunk;
use crate::session::script::{Script, message, with};
use crate::testing::{subscription, topic};
use crate::{Delivery, Message, RetainLimits, Retained, ScanBudget};

/// What the retainer holds, and a session that asks it.
pub(super) struct Desk {
    pub(super) script: Script,
    pub(super) retained: Retained,
}

impl Desk {
    pub(super) fn new(script: Script) -> Self {
        let retained = Retained::new(RetainLimits {
            messages_max: 10_000,
            payload_bytes_max: 1000,
            expiry: None,
        });
        Self { script, retained }
    }

    /// A retained message on a topic; returns it as a subscriber gets it live.
    pub(super) fn retain(&mut self, on: &str, name: &str, qos: QoS) -> Delivery {
        let mut delivery = with(message(name, qos), |message| {
            message.topic = topic(on);
            message.retain = true;
        });
        let crate::Stored::Kept(message) = self.retained.store(Message::clone(&delivery.message))
        else {
            panic!("the retainer takes it");
        };
        delivery.message = message;
        delivery
    }

    pub(super) fn subscribe(&mut self, filter: &str, options: SubscriptionOptions) {
        let subscription = subscription(filter);
        let now = self.script.now();
        let session = &mut self.script.session;
        let subscribed = session.subscribe(&subscription, options, Some(9)).unwrap();
        session.start_replay(&subscription, subscribed, now);
        self.script.perform();
    }

    /// The answer to the oldest request, as of now.
    pub(super) fn read(&mut self) -> Option<RetainedChunk> {
        if self.script.pulls.is_empty() {
            return None;
        }
        let mut pull = self.script.pulls.remove(0);
        let budget = ScanBudget {
            messages: pull.len_max,
            steps: 1000,
        };
        let messages = self
            .retained
            .next_chunk(&mut pull.scan, budget, self.script.now());
        Some(RetainedChunk {
            pull: pull.pull,
            messages,
            scan: pull.scan,
        })
    }

    pub(super) fn hand_in(&mut self, chunk: RetainedChunk) {
        let now = self.script.now();
        self.script.session.handle_retained_chunk(chunk, now);
        self.script.perform();
    }

    /// Answers all requests.
    pub(super) fn answer(&mut self) {
        while let Some(chunk) = self.read() {
            self.hand_in(chunk);
        }
    }
}

pub(super) const ANY: SubscriptionOptions = SubscriptionOptions {
    qos: QoS::AtLeastOnce,
    no_local: false,
    retain_as_published: false,
    retain_handling: RetainHandling::Send,
};
