//! One publisher: what it has sent, and what it may send next.

use crate::frame::{Head, PublishFrame};
use crate::plan::FILTERS_OF_A_TOPIC;
use crate::task::flow::{Drive, Due, Settings};

/// Bytes that are written to one connection at a time.
const BATCH_BYTES: usize = 128 * 1024;
/// Messages that may wait for their acknowledgement: no packet id is used again too early.
const UNACKNOWLEDGED_MAX: u16 = 32_768;

/// Messages of one publisher, however long it runs: all copies together can be counted.
const MESSAGES_MAX: u32 = u32::MAX / FILTERS_OF_A_TOPIC;

/// One publisher.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) number: u32,
    pub(super) sent: u32,
    pub(super) acknowledged: u32,
    /// Messages that have become due, at a fixed rate.
    pub(super) due: u32,
    /// Whether it stands in the list of those that may have something to do.
    pub(super) is_ready: bool,
    frame: PublishFrame,
    /// How many may wait for their acknowledgement.
    acknowledge_max: u32,
    /// How many it sends in all.
    quota: u32,
    /// QoS 0: messages that were given up.
    forgiven: u32,
    /// QoS 0: so far it has come, because what was missing was given up.
    floor: u32,
}

impl Publisher {
    pub(super) fn new(number: u32, settings: &Settings<'_>, receive_max: u16) -> Self {
        let plan = settings.plan;
        let quota = settings
            .messages
            .map_or(MESSAGES_MAX, |messages| plan.quota(number, messages));
        let receive_max = u32::from(receive_max.min(UNACKNOWLEDGED_MAX));
        let acknowledge_max = match settings.drive {
            Drive::Rate(_) => receive_max,
            Drive::Window(window) => receive_max.min(window),
        };
        Self {
            number,
            sent: 0,
            acknowledged: 0,
            due: 0,
            is_ready: true,
            frame: PublishFrame::new(settings.message, &plan.topic(number)),
            acknowledge_max,
            quota,
            forgiven: 0,
            floor: 0,
        }
    }

    /// Puts into the batch what may be sent now.
    pub(super) fn fill(
        &mut self,
        batch: &mut Vec<u8>,
        settings: &Settings<'_>,
        (position, due): (usize, Due),
    ) {
        let limit = self.limit(settings);
        while self.sent < limit && batch.len() < BATCH_BYTES {
            let (publisher, sequence) = settings.plan.label(self.number, self.sent);
            let head = Head {
                publisher,
                sequence,
                due: due.moment(position, self.sent),
            };
            if let Some(topic) = settings.plan.topic_number(self.number, self.sent) {
                self.frame.number_topic(topic);
            }
            let id = u16::try_from(self.sent % 65_535).unwrap_or(0) + 1;
            batch.extend_from_slice(self.frame.message(id, head));
            self.sent += 1;
        }
    }

    pub(super) fn may_send(&self, settings: &Settings<'_>) -> bool {
        self.sent < self.limit(settings)
    }

    /// Messages that have become due and have not been sent, at a fixed rate.
    pub(super) fn unsent(&self) -> u64 {
        self.due.min(self.quota).saturating_sub(self.sent).into()
    }

    pub(super) fn has_sent_all(&self) -> bool {
        self.sent >= self.quota
    }

    /// Gives up what has not come.
    pub(super) fn forgive(&mut self, settings: &Settings<'_>) {
        if settings.plan.shared_copies().is_some() {
            let reached = settings.progress.reached(self.number) + self.forgiven;
            self.forgiven += self.sent.saturating_sub(reached);
        } else {
            // A gap is noticed and passed over as soon as a later message comes.
            self.floor = self.sent;
        }
    }

    /// How many may have been sent by now.
    fn limit(&self, settings: &Settings<'_>) -> u32 {
        let driven = match settings.drive {
            Drive::Rate(_) => self.due,
            Drive::Window(window) => {
                let reached = settings.progress.reached(self.number).min(self.sent);
                let reached = reached.saturating_add(self.forgiven).max(self.floor);
                reached.min(self.sent).saturating_add(window)
            }
        };
        let accepted = match settings.message.qos {
            0 => u32::MAX,
            _ => self.acknowledged.saturating_add(self.acknowledge_max),
        };
        driven.min(accepted).min(self.quota)
    }
}
