//! What keeps pages of others, in a browser that may come in here, from coming in too.
//!
//! A name can be made to lead to this machine (DNS rebinding), and a page can send requests that it cannot
//! read the answers of (CSRF). The first is found by the name in `Host`, the second by where the browser
//! says that the request comes from, and by a content type that pages cannot send elsewhere unasked.

use std::net::IpAddr;

use axum::http::{HeaderMap, Method, StatusCode, header};

use crate::problem::Problem;

/// Lets nobody in without a password under a name that is not this machine's.
pub(crate) fn check_host(headers: &HeaderMap, hosts: &[String]) -> Result<(), Problem> {
    let host = host_of(headers).unwrap_or_default();
    let name = without_port(host);
    let is_loopback = |name: &str| {
        name.trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
    };
    let is_ours = name.eq_ignore_ascii_case("localhost")
        || is_loopback(name)
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
    if is_ours {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!(
            "Host: {name:?} is no name of this machine that is known here; call it by localhost or 127.0.0.1, \
             or add the name to `admin.hosts`"
        ),
    ))
}

/// Has changes come from pages of our own, or from no page.
pub(crate) fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if is_reading(method) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_foreign =
        text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let is_elsewhere = text("origin").is_some_and(|origin| {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        !host_of(headers).is_some_and(|own| own.eq_ignore_ascii_case(host))
    });
    if is_foreign || is_elsewhere {
        return Err(Problem::forbidden(
            "a page of somebody else asks for a change; only the dashboard of this broker and programs may",
        ));
    }
    if *method == Method::POST && !is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type: POST needs application/json here, also when there is nothing to say",
        ));
    }
    Ok(())
}

/// Whether a method changes nothing.
pub(crate) fn is_reading(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let media_type = value.and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host.split_inclusive(']').next().unwrap_or(host);
    }
    host.split(':').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let each = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(each).collect()
    }

    fn is_host(host: &'static str) -> bool {
        check_host(&headers(&[("host", host)]), &["broker.example".to_owned()]).is_ok()
    }

    #[test]
    fn this_machine_is_called_by_its_loopback_addresses_localhost_and_names_that_were_set() {
        for host in [
            "localhost:18083",
            "127.0.0.1",
            "[::1]:18083",
            "LOCALHOST",
            "broker.example:1",
        ] {
            assert!(is_host(host), "{host}");
        }
    }

    #[test]
    fn a_name_that_leads_here_by_somebody_elses_doing_is_none_of_this_machine() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:18083",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_host(host), "{host}");
        }
        assert!(check_host(&HeaderMap::new(), &[]).is_err());
    }

    #[test]
    fn a_change_comes_from_our_own_page_or_from_no_page() {
        let post = |more: &[(&'static str, &'static str)]| {
            let own = [
                ("host", "localhost:1"),
                ("content-type", "application/json"),
            ];
            check_origin(&Method::POST, &headers(&[&own, more].concat())).is_ok()
        };
        assert!(post(&[]));
        assert!(post(&[
            ("origin", "http://localhost:1"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!post(&[("origin", "http://evil.example")]));
        assert!(!post(&[("origin", "null")]));
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn a_form_of_somebody_elses_page_changes_nothing() {
        let form = [("host", "localhost"), ("content-type", "text/plain")];
        let refused = check_origin(&Method::POST, &headers(&form)).unwrap_err();
        assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
