//! Tail: what one reader of live updates has not read yet, as server-sent events. A slow reader loses the
//! oldest, and is told how many.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde::Serialize;

/// Where updates for one reader are put.
#[derive(Debug)]
pub(crate) struct Pen(Weak<Mutex<Waiting>>);

/// What one reader gets; it is gone when the reader is.
#[derive(Debug)]
pub(crate) struct Tail(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    events: VecDeque<Bytes>,
    events_max: usize,
    lost: u64,
    is_over: bool,
    waker: Option<Waker>,
}

/// How many updates a reader has lost.
#[derive(Debug, Serialize)]
struct Lost {
    count: u64,
}

/// The reader has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// A reader for whom so many updates may wait, and where to put them.
pub(crate) fn tail(events_max: usize) -> (Pen, Tail) {
    let waiting = Arc::new(Mutex::new(Waiting {
        events: VecDeque::new(),
        events_max,
        lost: 0,
        is_over: false,
        waker: None,
    }));
    (Pen(Arc::downgrade(&waiting)), Tail(waiting))
}

impl Pen {
    /// Tells the reader something.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub(crate) fn tell(&self, event: &str, data: &impl Serialize) -> Result<(), Gone> {
        self.put(told(event, data))
    }

    /// Has the connection say that it lives.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub(crate) fn keep_alive(&self) -> Result<(), Gone> {
        self.put(Bytes::from_static(b":\n\n"))
    }

    /// Whether the reader is still there.
    ///
    /// # Errors
    ///
    /// [`Gone`].
    pub(crate) fn lives(&self) -> Result<(), Gone> {
        self.0.upgrade().map(|_| ()).ok_or(Gone)
    }

    fn end(&self) {
        if let Some(waiting) = self.0.upgrade() {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.is_over = true;
            waiting.wake();
        }
    }

    fn put(&self, event: Bytes) -> Result<(), Gone> {
        let waiting = self.0.upgrade().ok_or(Gone)?;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.events.len() >= waiting.events_max {
            waiting.events.pop_front();
            waiting.lost += 1;
        }
        waiting.events.push_back(event);
        waiting.wake();
        Ok(())
    }
}

/// Without a pen nothing comes any more: the connection ends when everything is read.
impl Drop for Pen {
    fn drop(&mut self) {
        self.end();
    }
}

impl Waiting {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.lost > 0 {
            let count = std::mem::take(&mut self.lost);
            return Some(told("lost", &Lost { count }));
        }
        self.events.pop_front()
    }
}

/// An update as it is sent. JSON has no line ends of its own, so that one line is enough.
fn told(event: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

impl http_body::Body for Tail {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = waiting.next() {
            return Poll::Ready(Some(Ok(Frame::data(event))));
        }
        if waiting.is_over {
            return Poll::Ready(None);
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl IntoResponse for Tail {
    fn into_response(self) -> Response {
        let fixed = HeaderValue::from_static;
        let about = [
            (header::CONTENT_TYPE, fixed("text/event-stream")),
            (header::CACHE_CONTROL, fixed("no-store")),
            // Proxies would hold updates back until there are many.
            (
                header::HeaderName::from_static("x-accel-buffering"),
                fixed("no"),
            ),
        ];
        (about, Body::new(self)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn read(tail: &mut Tail) -> Option<String> {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(tail).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => {
                Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
            }
            Poll::Ready(Some(Err(never))) => match never {},
            Poll::Ready(None) => Some("end".to_owned()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_reader_gets_updates_in_their_order() {
        let (pen, mut tail) = tail(8);
        pen.tell("a", &1).unwrap();
        pen.tell("b", &"x\ny").unwrap();

        assert_eq!(read(&mut tail).unwrap(), "event: a\ndata: 1\n\n");
        assert_eq!(read(&mut tail).unwrap(), "event: b\ndata: \"x\\ny\"\n\n");
        assert_eq!(read(&mut tail), None);
        drop(pen);
        assert_eq!(read(&mut tail).unwrap(), "end");
    }

    #[test]
    fn a_slow_reader_loses_the_oldest_and_is_told_how_many() {
        let (pen, mut tail) = tail(2);
        for number in 1..=5 {
            pen.tell("n", &number).unwrap();
        }

        assert_eq!(
            read(&mut tail).unwrap(),
            "event: lost\ndata: {\"count\":3}\n\n"
        );
        assert_eq!(read(&mut tail).unwrap(), "event: n\ndata: 4\n\n");
        assert_eq!(read(&mut tail).unwrap(), "event: n\ndata: 5\n\n");
        assert_eq!(read(&mut tail), None);
    }

    #[test]
    fn nothing_is_kept_for_a_reader_who_has_gone() {
        let (pen, tail) = tail(2);
        drop(tail);
        assert_eq!(pen.tell("n", &1), Err(Gone));
    }
}
