//! What went wrong, told as RFC 9457 has it: `application/problem+json`.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use castmq_broker::inspect::InspectError;
use castmq_broker::recordings::RecordingError;
use castmq_broker::{AccountError, HandleError};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// The longest `detail`, in bytes: it may repeat what a client sent.
const DETAIL_MAX: usize = 1024;

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, where, and what to do.
    detail: String,
    /// A header that belongs to it.
    #[serde(skip)]
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Problem {
    /// A problem with this status.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > DETAIL_MAX {
            let end = (0..=DETAIL_MAX)
                .rev()
                .find(|at| detail.is_char_boundary(*at));
            detail.truncate(end.unwrap_or(0));
            detail.push('…');
        }
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            detail,
            header: None,
        }
    }

    /// With a header, such as when to come again.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// Something that is asked for does not exist.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The request is wrong.
    pub(crate) fn wrong(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Whoever asks may not have that.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Something holds as many requests as it may.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
            .with(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// A bug.
    pub(crate) fn bug() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the admin interface failed at this; the broker's log says more",
        )
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is wrong.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(header) = &self.header {
            let (name, value) = header.as_ref().clone();
            headers.insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<HandleError> for Problem {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Full => Self::busy(format!("{error}; try again")),
            HandleError::Silent => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "an arbiter of the broker did not answer in time; it is too busy, or stops",
            ),
            HandleError::NoClient | HandleError::NoProcess => Self::not_found(error.to_string()),
            HandleError::Topic(error) => Self::wrong(format!("topic: {error}")),
        }
    }
}

impl From<InspectError> for Problem {
    fn from(error: InspectError) -> Self {
        let detail = error.to_string();
        match error {
            InspectError::NotFound { .. } => Self::not_found(detail),
            InspectError::Wrong { .. } => Self::wrong(detail),
            InspectError::Refused(_) => Self::new(StatusCode::CONFLICT, detail),
            InspectError::Busy(_) => Self::busy(detail),
        }
    }
}

impl From<RecordingError> for Problem {
    fn from(error: RecordingError) -> Self {
        let detail = error.to_string();
        match error {
            RecordingError::Unknown(_) => Self::not_found(detail),
            RecordingError::Client(_) | RecordingError::Bound { .. } => Self::wrong(detail),
            RecordingError::Running(_) | RecordingError::Full(_) => {
                Self::new(StatusCode::CONFLICT, detail)
            }
            RecordingError::Handle(error) => error.into(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        match error {
            AccountError::NoUser => Self::not_found(detail),
            AccountError::Name(_)
            | AccountError::NameTooLong
            | AccountError::Hash(_)
            | AccountError::Rules(_) => Self::wrong(detail),
            AccountError::NotStored => Self::busy(format!(
                "{detail}: the store takes nothing now, GET /api/v1/alarms says why"
            )),
            AccountError::Randomness(_) | AccountError::Reload(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
            AccountError::Handle(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_status_and_repeats_no_more_than_a_kilobyte() {
        let problem = Problem::wrong("é".repeat(4000));

        assert_eq!((problem.status, problem.title), (400, "Bad Request"));
        assert!(problem.detail.len() <= DETAIL_MAX + '…'.len_utf8());
    }
}
