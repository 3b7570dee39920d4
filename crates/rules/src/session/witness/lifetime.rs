//! How long a session lives, and its will.

use std::time::Duration;

use castmq_mqtt::{ReasonCode, Will};

use super::{Rule, Scene, Verdict, Witness};
use crate::Moment;
use crate::session::{Action, DownReason, EndReason, Expiry, Input, Link};

/// What was agreed about the end.
#[derive(Clone, Debug)]
pub(super) struct Lifetime {
    pub(super) expiry: Expiry,
    /// When the session ends.
    pub(super) ends: Option<Moment>,
    pub(super) will: Option<Box<Will>>,
    /// When the will is to be published.
    pub(super) due: Option<Moment>,
    /// A will that has to be published in this step, although another one has taken its place.
    overdue: Option<Box<Will>>,
    /// Whether there is one is not known.
    pub(super) is_unsure: bool,
}

impl Lifetime {
    pub(super) fn new(expiry: Expiry, ends: Option<Moment>) -> Self {
        Self {
            expiry,
            ends,
            will: None,
            due: None,
            overdue: None,
            is_unsure: false,
        }
    }

    pub(super) fn connected(&mut self, link: &Link) {
        self.expiry = link.expiry;
        self.ends = None;
        self.will.clone_from(&link.will);
        self.due = None;
    }

    pub(super) fn disconnected(&mut self, reason: DownReason, now: Moment) {
        let mut is_clean = false;
        if let DownReason::Disconnect { reason, expiry } = reason {
            is_clean = reason == ReasonCode::Success;
            self.expiry = expiry.unwrap_or(self.expiry);
        }
        if is_clean {
            self.will = None;
        }
        self.ends = match self.expiry {
            Expiry::AtOnce => Some(now),
            Expiry::After(time) => Some(now + time),
            Expiry::Never => None,
        };
        let Some(will) = &self.will else { return };
        let delay = will.properties.delay.unwrap_or(0);
        let delayed = now + Duration::from_secs(u64::from(delay));
        let due = self.ends.map_or(delayed, |ends| ends.min(delayed));
        self.due = Some(due);
        if due <= now {
            self.due = None;
            self.overdue = self.will.take();
        }
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.ends.is_some_and(|ends| ends <= now)
    }

    /// Another process of the session has gone on for a while.
    pub(super) fn left_over(&mut self, has_will: bool) {
        if !has_will {
            self.will = None;
            self.due = None;
        }
    }
}

impl Witness {
    pub(super) fn will_published(&mut self, will: &Will, scene: &Scene<'_>) -> Verdict {
        let topic = &will.topic;
        let lifetime = &mut self.lifetime;
        if lifetime.overdue.as_deref() == Some(will) {
            lifetime.overdue = None;
            return Ok(());
        }
        let Some(due) = &lifetime.will else {
            return Rule::Will.holds(lifetime.is_unsure, || {
                format!("a will on {topic} is published, and there is none to be published")
            });
        };
        Rule::Will.holds(**due == *will, || {
            format!("another will is published, on {topic}")
        })?;
        let ends = scene
            .actions
            .iter()
            .any(|action| matches!(action, Action::End(_)));
        let is_due = lifetime.due.is_some_and(|due| due <= scene.now);
        Rule::Will.holds(is_due || ends, || format!("the will on {topic} is not due"))?;
        lifetime.will = None;
        lifetime.due = None;
        Ok(())
    }

    pub(super) fn ended(&mut self, reason: EndReason, is_last: bool, scene: &Scene<'_>) -> Verdict {
        Rule::AfterTheEnd.holds(is_last, || "something is done after the end".to_owned())?;
        let expected = if let Input::End(asked) = scene.input {
            reason == *asked
        } else {
            self.lifetime.is_over(scene.now) && reason == EndReason::Expired
        };
        Rule::Lifetime.holds(expected, || {
            format!("the session ends ({reason:?}) before its time")
        })?;
        self.lifetime_settled(scene)?;
        Rule::Will.holds(
            self.lifetime.will.is_none() || self.lifetime.is_unsure,
            || "the session ends and its will is not published".to_owned(),
        )?;
        let mut left = self.waiting.list.iter();
        let left = left.find(|waited| !waited.may_be_repetition && waited.chunk.is_none());
        if let Some(left) = left.filter(|_| !self.waiting.is_unsure) {
            let what = super::inflight::say_delivery(&left.delivery);
            return Rule::OnceOut.broken(|| format!("{what} is lost with the session"));
        }
        self.is_ended = true;
        self.link = None;
        self.flights.clear();
        self.waiting = super::Waiting::default();
        self.awaiting_rel.clear();
        self.lifetime = Lifetime::new(self.lifetime.expiry, None);
        Ok(())
    }

    /// What was due in this step was done.
    pub(super) fn lifetime_settled(&self, scene: &Scene<'_>) -> Verdict {
        let lifetime = &self.lifetime;
        Rule::Will.holds(lifetime.overdue.is_none(), || {
            "a will is not published".to_owned()
        })?;
        if self.is_ended {
            return Ok(());
        }
        let ends = scene
            .actions
            .iter()
            .any(|action| matches!(action, Action::End(_)));
        let looks = matches!(scene.input, Input::Timer | Input::Disconnected(_));
        let is_late = looks && lifetime.due.is_some_and(|due| due <= scene.now);
        Rule::Will.holds(!is_late || ends, || {
            "the will is due and not published".to_owned()
        })?;
        let is_asked = matches!(scene.input, Input::End(_));
        let is_over = self.link.is_none() && looks && lifetime.is_over(scene.now);
        Rule::Lifetime.holds(ends || !(is_asked || is_over), || {
            "the session is over and does not end".to_owned()
        })
    }
}
