//! What browsers get: the dashboard, or a page that says how to build it.

use crate::scene::Scene;

#[test]
fn the_first_page_loads_nothing_from_elsewhere_and_can_be_put_into_no_frame() {
    let answer = Scene::new().get("/");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/html"));
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert!(!answer.text.contains("http://") && !answer.text.contains("https://"));
}

#[test]
fn a_page_that_has_not_changed_is_not_sent_again() {
    let scene = Scene::new();
    let first = scene.get("/");
    let tag = first.header("etag");
    if tag.is_empty() {
        assert!(
            first.text.contains("make dashboard"),
            "it was not built and does not say how"
        );
        return;
    }
    let again = scene.ask("GET", "/").header("if-none-match", tag).answer();
    assert_eq!((again.status, again.text.as_str()), (304, ""));
}

#[test]
fn answers_for_programs_are_no_pages() {
    let answer = Scene::new().get("/api/v1/node");
    assert_eq!(
        answer.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
}
