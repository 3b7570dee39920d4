//! The gate: each call that changes a session goes past an observer, which costs a look at a flag while
//! nobody looks.

use std::ops::Deref;

use castmq_mqtt::{PacketId, ReasonCode, Subscription, SubscriptionOptions};

use crate::session::{
    Action, DownReason, DropReason, EndReason, Input, LeftOver, Link, Page, Received,
    RetainedChunk, Returned, Session, StrayAck, Subscribed, SubscriptionEntry, SubscriptionsFull,
};
use crate::{Delivery, Moment};

/// Who sees what happens to a session.
pub trait Observer {
    /// Whether it looks at all.
    fn is_watching(&self) -> bool;

    /// This is about to happen; of calls that are told no time, at none.
    fn before(&mut self, input: Input, now: Option<Moment>);

    /// This was the answer, and these actions were added.
    fn after<'a>(&mut self, returned: Returned, added: impl Iterator<Item = &'a Action>);

    /// The session is another one from now on.
    fn replaced(&mut self, session: &Session);
}

/// A session with an observer. What changes it has the same names as in [`Session`]; what only looks goes
/// straight there.
#[derive(Debug)]
pub struct Watched<O> {
    session: Session,
    observer: O,
}

/// What somebody looks at: how many actions there were before.
#[derive(Clone, Copy)]
struct Seen(Option<usize>);

impl<O: Observer> Watched<O> {
    /// Has an observer look at a session.
    #[must_use]
    pub fn new(session: Session, observer: O) -> Self {
        Self { session, observer }
    }

    /// The observer.
    #[must_use]
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Who observes from now on.
    pub fn set_observer(&mut self, observer: O) {
        self.observer = observer;
    }

    /// Another session takes the place of this one.
    pub fn replace(&mut self, session: Session) {
        self.session = session;
        if self.observer.is_watching() {
            self.observer.replaced(&self.session);
        }
    }

    #[inline]
    fn see(&mut self, now: Option<Moment>, input: impl FnOnce() -> Input) -> Seen {
        if self.observer.is_watching() {
            self.observer.before(input(), now);
            Seen(Some(self.session.pending_actions().count()))
        } else {
            Seen(None)
        }
    }

    #[inline]
    fn done(&mut self, seen: Seen, returned: impl FnOnce() -> Returned) {
        if let Seen(Some(before)) = seen {
            let added = self.session.pending_actions().skip(before);
            self.observer.after(returned(), added);
        }
    }

    /// [`Session::handle_connected`].
    pub fn handle_connected(&mut self, link: Link, now: Moment) {
        let seen = self.see(Some(now), || Input::Connected(Box::new(link.clone())));
        self.session.handle_connected(link, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_disconnected`].
    pub fn handle_disconnected(&mut self, reason: DownReason, now: Moment) {
        let seen = self.see(Some(now), || Input::Disconnected(reason));
        self.session.handle_disconnected(reason, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_delivery`].
    pub fn handle_delivery(&mut self, delivery: Delivery, now: Moment) {
        let seen = self.see(Some(now), || Input::Delivery(delivery.clone()));
        self.session.handle_delivery(delivery, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_delivery_once_stored`].
    pub fn handle_delivery_once_stored(&mut self, delivery: Delivery, now: Moment) {
        let seen = self.see(Some(now), || Input::DeliveryOnceStored(delivery.clone()));
        self.session.handle_delivery_once_stored(delivery, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_puback`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn handle_puback(&mut self, id: PacketId, now: Moment) -> Result<Delivery, StrayAck> {
        let seen = self.see(Some(now), || Input::Puback(id));
        let acked = self.session.handle_puback(id, now);
        self.done(seen, || (&acked).into());
        acked
    }

    /// [`Session::handle_pubrec`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn handle_pubrec(
        &mut self,
        id: PacketId,
        reason: ReasonCode,
        now: Moment,
    ) -> Result<Option<Delivery>, StrayAck> {
        let seen = self.see(Some(now), || Input::Pubrec(id, reason));
        let received = self.session.handle_pubrec(id, reason, now);
        self.done(seen, || (&received).into());
        received
    }

    /// [`Session::handle_pubcomp`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn handle_pubcomp(&mut self, id: PacketId, now: Moment) -> Result<(), StrayAck> {
        let seen = self.see(Some(now), || Input::Pubcomp(id));
        let completed = self.session.handle_pubcomp(id, now);
        self.done(seen, || (&completed).into());
        completed
    }

    /// [`Session::handle_publish_exactly_once`].
    pub fn handle_publish_exactly_once(&mut self, id: PacketId) -> Received {
        let seen = self.see(None, || Input::Publish(id));
        let received = self.session.handle_publish_exactly_once(id);
        self.done(seen, || Returned::Received(received));
        received
    }

    /// [`Session::handle_publish_refused`].
    pub fn handle_publish_refused(&mut self, id: PacketId) {
        let seen = self.see(None, || Input::PublishRefused(id));
        self.session.handle_publish_refused(id);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_pubrel`].
    pub fn handle_pubrel(&mut self, id: PacketId) -> ReasonCode {
        let seen = self.see(None, || Input::Pubrel(id));
        let reason = self.session.handle_pubrel(id);
        self.done(seen, || Returned::Reason(reason));
        reason
    }

    /// [`Session::subscribe`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn subscribe(
        &mut self,
        subscription: &Subscription,
        options: SubscriptionOptions,
        id: Option<u32>,
    ) -> Result<Subscribed, SubscriptionsFull> {
        let seen = self.see(None, || Input::Subscribe(subscription.clone(), options, id));
        let subscribed = self.session.subscribe(subscription, options, id);
        self.done(seen, || (&subscribed).into());
        subscribed
    }

    /// [`Session::unsubscribe`].
    pub fn unsubscribe(&mut self, subscription: &Subscription) -> Option<SubscriptionEntry> {
        let seen = self.see(None, || Input::Unsubscribe(subscription.clone()));
        let removed = self.session.unsubscribe(subscription);
        self.done(seen, || removed.into());
        removed
    }

    /// [`Session::start_replay_as_of`].
    pub fn start_replay_as_of(
        &mut self,
        subscription: &Subscription,
        subscribed: Subscribed,
        as_of: u64,
        now: Moment,
    ) {
        let input = || Input::StartReplay(subscription.clone(), subscribed, as_of);
        let seen = self.see(Some(now), input);
        self.session
            .start_replay_as_of(subscription, subscribed, as_of, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::start_replay`].
    pub fn start_replay(
        &mut self,
        subscription: &Subscription,
        subscribed: Subscribed,
        now: Moment,
    ) {
        self.start_replay_as_of(subscription, subscribed, u64::MAX, now);
    }

    /// [`Session::handle_retained_chunk`].
    pub fn handle_retained_chunk(&mut self, chunk: RetainedChunk, now: Moment) -> usize {
        let seen = self.see(Some(now), || Input::RetainedChunk(chunk.clone()));
        let count = self.session.handle_retained_chunk(chunk, now);
        self.done(seen, || Returned::Count(count));
        count
    }

    /// [`Session::handle_room`].
    pub fn handle_room(&mut self, has_more_room: bool, now: Moment) {
        let seen = self.see(Some(now), || Input::Room(has_more_room));
        self.session.handle_room(has_more_room, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_continue`].
    pub fn handle_continue(&mut self, now: Moment) {
        let seen = self.see(Some(now), || Input::Continue);
        self.session.handle_continue(now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_undeliverable`].
    pub fn handle_undeliverable(&mut self, id: PacketId, reason: DropReason, now: Moment) {
        let seen = self.see(Some(now), || Input::Undeliverable(id, reason));
        self.session.handle_undeliverable(id, reason, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_stored`].
    pub fn handle_stored(&mut self, number: u64, now: Moment) {
        let seen = self.see(Some(now), || Input::Stored(number));
        self.session.handle_stored(number, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_page`].
    pub fn handle_page(&mut self, page: Page, now: Moment) {
        let seen = self.see(Some(now), || Input::Page(page.clone()));
        self.session.handle_page(page, now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_page_failed`].
    pub fn handle_page_failed(&mut self, now: Moment) {
        let seen = self.see(Some(now), || Input::PageFailed);
        self.session.handle_page_failed(now);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_left_over`].
    pub fn handle_left_over(&mut self, left_over: LeftOver) {
        let seen = self.see(None, || Input::LeftOver(left_over.clone()));
        self.session.handle_left_over(left_over);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_received_before`].
    pub fn handle_received_before(&mut self, id: PacketId) {
        let seen = self.see(None, || Input::ReceivedBefore(id));
        self.session.handle_received_before(id);
        self.done(seen, Returned::default);
    }

    /// [`Session::handle_timer`].
    pub fn handle_timer(&mut self, now: Moment) {
        let seen = self.see(Some(now), || Input::Timer);
        self.session.handle_timer(now);
        self.done(seen, Returned::default);
    }

    /// [`Session::end`].
    pub fn end(&mut self, reason: EndReason) {
        let seen = self.see(None, || Input::End(reason));
        self.session.end(reason);
        self.done(seen, Returned::default);
    }

    /// [`Session::poll_action`].
    pub fn poll_action(&mut self) -> Option<Action> {
        self.session.poll_action()
    }

    /// [`Session::rest`].
    pub fn rest(&mut self) {
        self.session.rest();
    }
}

impl<O> Deref for Watched<O> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}
