//! The dashboard: its files are part of the program, packed, and nothing of it comes from elsewhere.

use std::io::Read;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use ring::digest;

use crate::problem::Problem;
use crate::routes::nothing_at;

/// Path and packed bytes of each file; empty where the dashboard was not built.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// What is shown where it was not built.
const NOT_BUILT: &str = include_str!("dashboard/not_built.html");

/// Nothing from elsewhere, no script in a page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'",
);

/// A file with what identifies it.
struct Entry {
    path: &'static str,
    packed: &'static [u8],
    tag: HeaderValue,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entry = |&(path, packed): &(&'static str, &'static [u8])| {
        let hash = digest::digest(&digest::SHA256, packed);
        let digits = hash
            .as_ref()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"));
        let tag = format!("\"{}\"", digits.collect::<String>());
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        Entry { path, packed, tag }
    };
    FILES.iter().map(entry).collect()
});

/// The first page.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    match find("index.html") {
        Some(entry) => answer(entry, &headers),
        None => not_built(),
    }
}

/// Any other file; what there is not is a problem.
pub(crate) async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    match find(path.trim_start_matches('/')) {
        Some(entry) => answer(entry, &headers),
        None => nothing_at(path).into_response(),
    }
}

fn find(path: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.path == path)
}

fn answer(entry: &'static Entry, headers: &HeaderMap) -> Response {
    let fixed = |value: &'static str| HeaderValue::from_static(value);
    // Vite names files below `assets` by what is in them.
    let caching = if entry.path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let about: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, fixed(media_type(entry.path))),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, fixed(caching)),
        (header::ETAG, entry.tag.clone()),
        (header::VARY, fixed("accept-encoding")),
    ];
    if headers.get(header::IF_NONE_MATCH) == Some(&entry.tag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    if takes_gzip(headers) {
        let packed = (header::CONTENT_ENCODING, fixed("gzip"));
        return (about, [packed], Bytes::from_static(entry.packed)).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(entry.packed).read_to_end(&mut plain) {
        Ok(_) => (about, plain).into_response(),
        Err(_) => Problem::bug().into_response(),
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts.next() == Some("gzip") && !parts.any(|weight| weight == "q=0")
        })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn not_built() -> Response {
    let about = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (about, NOT_BUILT).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(value: &'static str) -> bool {
        let value = HeaderValue::from_static(value);
        takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]))
    }

    #[test]
    fn a_file_is_sent_packed_to_whoever_takes_that() {
        assert!(takes("gzip, deflate, br"));
        assert!(takes("br;q=1.0, gzip;q=0.5"));
        assert!(!takes("br"));
        assert!(!takes("gzip;q=0"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
