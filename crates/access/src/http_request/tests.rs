use proptest::prelude::*;
use serde_json::json;

use super::{
    Applicant, FillError, FilledRequest, HttpAnswer, HttpMethod, RequestBody, RequestTemplate,
    TemplateError, judge,
};

fn alice() -> Applicant<'static> {
    Applicant {
        client_id: "c/1",
        user_name: Some("alice&admin=1"),
        password: Some(b"p\"w%\xc3\xa4"),
        address: Some("::ffff:10.0.0.1".parse().unwrap()),
    }
}

fn get(url: &str) -> Result<RequestTemplate, TemplateError> {
    RequestTemplate::new(HttpMethod::Get, url, &[], RequestBody::Empty)
}

fn post(headers: &[(&str, &str)], body: RequestBody) -> Result<RequestTemplate, TemplateError> {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let headers: Vec<_> = headers.collect();
    RequestTemplate::new(HttpMethod::Post, "http://auth/", &headers, body)
}

fn form(fields: &[(&str, &str)]) -> RequestBody {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    RequestBody::Form(fields.collect())
}

fn text(secret: &crate::Secret) -> &str {
    std::str::from_utf8(secret.expose()).unwrap()
}

fn url_for(template: &str, applicant: Applicant<'_>) -> String {
    text(&get(template).unwrap().fill(applicant).unwrap().url).to_owned()
}

fn filled(body: RequestBody) -> FilledRequest {
    post(&[], body).unwrap().fill(alice()).unwrap()
}

#[test]
fn names_in_a_url_mean_nothing_there() {
    assert_eq!(
        url_for(
            "https://auth:8080/u/%u?id=%c&pw=%P&ip=%a&via=%r&k=%20%%",
            alice()
        ),
        "https://auth:8080/u/alice%26admin%3D1?id=c%2F1&pw=p%22w%25%C3%A4&ip=10.0.0.1&via=mqtt&k=%20%25"
    );
}

#[test]
fn a_client_cannot_choose_where_its_request_goes() {
    for url in [
        "http://%u/",
        "http://auth%u/x",
        "ftp://auth/",
        "http:///x",
        "http://a@b/",
        "/u/%u",
        "http://auth/#%u",
        "http://auth/a b",
    ] {
        assert_eq!(get(url).unwrap_err(), TemplateError::Url, "{url}");
    }
    for url in ["http://auth/../x", "http://auth/%2E%2e/x"] {
        assert_eq!(get(url).unwrap_err(), TemplateError::Dots, "{url}");
    }
    let dots = Applicant {
        user_name: Some(".."),
        ..alice()
    };
    let refused = get("http://auth/u/%u/x").unwrap().fill(dots);
    assert_eq!(refused.unwrap_err(), FillError::Dots);
    assert_eq!(url_for("http://auth/u?u=%u", dots), "http://auth/u?u=..");
}

#[test]
fn names_in_a_form_mean_nothing_there() {
    let request = filled(form(&[("username", "%u"), ("p w", "x %P")]));

    assert_eq!(
        text(&request.body),
        "username=alice%26admin%3D1&p%20w=x%20p%22w%25%C3%A4"
    );
    assert_eq!(request.headers[0].0, "Content-Type");
    assert_eq!(
        text(&request.headers[0].1),
        "application/x-www-form-urlencoded"
    );
}

#[test]
fn names_in_json_mean_nothing_there() {
    let request = filled(RequestBody::Json(
        json!({ "u": "%u", "p": ["is %P", 1], "%u": "100%%" }),
    ));

    assert_eq!(
        text(&request.body),
        r#"{"%u":"100%","p":["is p\"w%ä",1],"u":"alice&admin=1"}"#
    );
    assert_eq!(text(&request.headers[0].1), "application/json");
}

#[test]
fn what_a_client_does_not_have_is_empty_or_null() {
    let nobody = Applicant {
        client_id: "c1",
        user_name: None,
        password: None,
        address: None,
    };
    assert_eq!(
        url_for("http://auth/?u=%u&a=%a", nobody),
        "http://auth/?u=&a="
    );

    let json = post(&[], RequestBody::Json(json!({ "u": "%u", "v": "u:%u" }))).unwrap();
    let json = json.fill(nobody).unwrap();
    assert_eq!(text(&json.body), r#"{"u":null,"v":"u:"}"#);
}

#[test]
fn a_header_holds_only_what_may_stand_there() {
    let template = post(&[("X-User", "is %u"), ("content-type", "x/y")], form(&[])).unwrap();
    let request = template.fill(alice()).unwrap();
    assert_eq!(text(&request.headers[0].1), "is alice&admin=1");
    assert_eq!(request.headers.len(), 2);

    let breaking = Applicant {
        user_name: Some("a\r\nX-Root: 1"),
        ..alice()
    };
    assert_eq!(template.fill(breaking).unwrap_err(), FillError::Header);
    let wrong = TemplateError::Header("X:Y".to_owned());
    assert_eq!(
        post(&[("X:Y", "z")], RequestBody::Empty).unwrap_err(),
        wrong
    );
    let wrong = TemplateError::Header("X".to_owned());
    assert_eq!(
        post(&[("X", "a\nb")], RequestBody::Empty).unwrap_err(),
        wrong
    );
}

#[test]
fn a_password_that_is_no_text_cannot_stand_in_json() {
    let binary = Applicant {
        password: Some(b"\xff"),
        ..alice()
    };
    let template = post(&[], RequestBody::Json(json!("%P"))).unwrap();

    assert_eq!(template.fill(binary).unwrap_err(), FillError::Json);
    assert_eq!(url_for("http://auth/?p=%P", binary), "http://auth/?p=%FF");
}

#[test]
fn unknown_placeholders_are_mistakes() {
    let wrong = |sign: &str| TemplateError::Placeholder(sign.to_owned());

    assert_eq!(get("http://auth/%x").unwrap_err(), wrong("x"));
    assert_eq!(get("http://auth/%").unwrap_err(), wrong(""));
    assert_eq!(post(&[], form(&[("a", "%20")])).unwrap_err(), wrong("2"));
    assert_eq!(
        post(&[], RequestBody::Json(json!([{ "a": "%q" }]))).unwrap_err(),
        wrong("q")
    );
    let get = RequestTemplate::new(HttpMethod::Get, "http://auth/", &[], form(&[]));
    assert_eq!(get.unwrap_err(), TemplateError::Body);
}

#[test]
fn a_request_shows_no_secrets() {
    let shown = format!("{:?} {:?}", alice(), filled(form(&[("p", "%P")])));

    assert!(!shown.contains("p\\\"w") && !shown.contains("p%22w"));
}

#[test]
fn a_success_without_a_body_allows() {
    let allow = HttpAnswer::Allow {
        superuser: false,
        rights: None,
        expires: None,
    };

    assert_eq!(judge(200, b""), allow);
    assert_eq!(judge(204, b""), allow);
    assert_eq!(judge(200, b"ok\n"), allow);
}

#[test]
fn a_body_tells_more() {
    let body =
        br#"{"result":"allow","is_superuser":true,"expire_at":1700000000,"acl":{"pub":["a"]}}"#;
    let HttpAnswer::Allow {
        superuser,
        rights,
        expires,
    } = judge(200, body)
    else {
        panic!("not allowed");
    };
    assert!(superuser);
    assert_eq!(expires, Some(1_700_000_000));
    assert_eq!(
        rights.unwrap().rules[0].to_string(),
        "allow all to publish: a"
    );

    assert_eq!(judge(200, br#"{"result":"deny"}"#), HttpAnswer::Deny);
    assert_eq!(judge(200, br#"{"result":"ignore"}"#), HttpAnswer::Ignore);
    assert_eq!(judge(200, b"ignore"), HttpAnswer::Ignore);
}

#[test]
fn statuses_refuse_or_do_not_know() {
    assert_eq!(judge(401, b""), HttpAnswer::Deny);
    assert_eq!(judge(403, br#"{"result":"allow"}"#), HttpAnswer::Deny);
    assert_eq!(judge(404, b"not found"), HttpAnswer::Ignore);
}

#[test]
fn anything_else_is_no_answer() {
    let failed = |status, body: &[u8]| matches!(judge(status, body), HttpAnswer::Failed(_));

    assert!(failed(500, b""));
    assert!(failed(302, b""));
    assert!(failed(200, b"<html>sign in</html>"));
    assert!(failed(200, b"{}"));
    assert!(failed(200, br#"{"result":"allow","is_superuser":"yes"}"#));
    assert!(failed(200, br#"{"result":"allow","acl":[]}"#));
    assert!(failed(200, br#"{"result":"allow","expire_at":"soon"}"#));
}

proptest! {
    #[test]
    fn no_name_adds_to_a_url(user in ".*") {
        let applicant = Applicant { user_name: Some(&user), ..alice() };
        let url = url_for("http://auth/?u=%u&x=1", applicant);
        prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(url.matches(['&', '#', '/']).count(), 4);
    }

    #[test]
    fn no_response_makes_the_judge_fail_otherwise(status in 0u16..600, body in "(\\{|\\}|\"|result|allow|acl|:|,|.){0,20}") {
        let _ = judge(status, body.as_bytes());
    }
}
