//! Desk: where work waits that would hold the admin interface's only thread up.

use castmq_broker::pooler::Pooler;
use tokio::sync::oneshot;

use crate::problem::Problem;

/// A bounded pool of threads.
#[derive(Debug)]
pub(crate) struct Desk(Pooler);

impl Desk {
    /// A desk with that many threads, before which so many pieces of work may wait.
    pub(crate) fn new(name: &'static str, threads: u16, waiting_max: usize) -> Self {
        Self(Pooler::new(name, threads, waiting_max))
    }

    /// Has work done and waits for what comes of it.
    ///
    /// # Errors
    ///
    /// When too much waits, or when the work panics.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Problem> {
        let (tell, told) = oneshot::channel();
        self.0
            .submit(move || {
                // Whoever asked may have gone.
                let _ = tell.send(work());
            })
            .map_err(|_| {
                Problem::busy("the admin interface has as many requests as it takes; try again")
            })?;
        told.await.map_err(|_| Problem::bug())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn work_that_panics_is_told_as_a_bug_and_the_next_is_done() {
        let desk = Desk::new("test", 1, 4);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let failed = runtime.block_on(desk.run(|| panic!("a bug")));
        assert_eq!(
            failed.unwrap_err().status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
        assert_eq!(runtime.block_on(desk.run(|| 5)).unwrap(), 5);
    }
}
