use super::*;

const REQUEST: &str = "GET /mqtt?a=b HTTP/1.1\r\nHost: broker.example\r\nUpgrade: WebSocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n";

fn answer(head: &str, origins: &[&str]) -> String {
    let plan = WebSocketPlan {
        path: "/mqtt".to_owned(),
        origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
    };
    let answer = accept(head.as_bytes(), &plan).unwrap_or_else(|refusal| refusal.answer());
    String::from_utf8(answer).unwrap()
}

/// The status of the answer to a request in which something is written differently.
fn status(from: &str, to: &str) -> u16 {
    let request = REQUEST.replace(from, to);
    assert_ne!(request, REQUEST);
    code(&answer(&request, &[]))
}

fn code(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// RFC 6455, section 1.3, has the key and what is made of it. \[MQTT3-6.0.0-4\], \[MQTT5-6.0.0-4\]
#[test]
fn a_good_request_is_answered_with_one_protocol() {
    assert_eq!(
        answer(REQUEST, &[]),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    );
}

#[test]
fn the_old_name_of_the_protocol_is_taken_too() {
    let request = REQUEST.replace("mqttv3.1, mqtt\r\n", "mqttv3.1\r\n");
    assert!(answer(&request, &[]).ends_with("Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n"));
}

#[test]
fn a_list_may_be_spread_over_fields() {
    let to = "chat\r\nSec-WebSocket-Protocol: mqtt\r\n";
    assert_eq!(status("mqttv3.1, mqtt\r\n", to), 101);
}

/// \[MQTT5-6.0.0-3\]
#[test]
fn a_request_without_our_protocol_is_refused_with_400() {
    let refused = answer(&REQUEST.replace("mqttv3.1, mqtt\r\n", "chat\r\n"), &[]);
    assert_eq!(code(&refused), 400);
    assert!(refused.ends_with("does not offer mqtt, which is what is spoken here\n"));
}

#[test]
fn another_path_is_refused_with_404() {
    assert_eq!(status("/mqtt?", "/mqtt/?"), 404);
}

#[test]
fn another_version_is_refused_with_426_that_names_ours() {
    let refused = answer(&REQUEST.replace("Version: 13", "Version: 8"), &[]);
    assert_eq!(code(&refused), 426);
    assert!(refused.contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

#[test]
fn an_ordinary_request_is_refused_with_426() {
    assert_eq!(status("Upgrade: WebSocket\r\n", ""), 426);
}

#[test]
fn http_1_0_is_refused_with_505() {
    assert_eq!(status("HTTP/1.1", "HTTP/1.0"), 505);
}

#[test]
fn a_request_with_other_than_one_host_is_refused_with_400() {
    assert_eq!(status("Host: broker.example\r\n", ""), 400);
    assert_eq!(status("Host:", "Host: other\r\nHost:"), 400);
}

#[test]
fn a_connection_that_is_not_to_be_upgraded_is_refused_with_400() {
    assert_eq!(status("keep-alive, Upgrade", "keep-alive"), 400);
}

#[test]
fn a_key_that_is_none_is_refused_with_400() {
    assert_eq!(status("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="), 400);
}

#[test]
fn what_is_no_http_is_refused_with_400() {
    assert_eq!(status("Host: ", "Host "), 400);
}

#[test]
fn a_page_of_a_listed_origin_may_connect() {
    let request = REQUEST.replace("Host:", "Origin: https://PLANT.example:8443\r\nHost:");
    assert_eq!(
        code(&answer(&request, &["https://plant.example:8443"])),
        101
    );
}

#[test]
fn a_page_of_another_origin_is_refused_with_403() {
    let request = REQUEST.replace("Host:", "Origin: https://plant.example\r\nHost:");
    assert_eq!(
        code(&answer(&request, &["https://plant.example:8443"])),
        403
    );
}

#[test]
fn who_names_two_origins_is_refused_with_403() {
    let two = "Origin: https://a.example\r\nOrigin: https://b.example\r\nHost:";
    let request = REQUEST.replace("Host:", two);
    assert_eq!(code(&answer(&request, &["https://a.example"])), 403);
}

#[test]
fn who_is_no_page_may_connect() {
    assert_eq!(code(&answer(REQUEST, &["https://plant.example"])), 101);
}

#[test]
fn another_method_is_refused_with_405_at_its_beginning() {
    let refused = Refusal::of_start(b"POST").unwrap().answer();
    assert!(refused.starts_with(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n"));
    assert_eq!(Refusal::of_start(b"GE"), None);
}

#[test]
fn a_client_without_websockets_is_refused_with_400_at_its_beginning() {
    let refused = Refusal::of_start(b"\x10\x0c").unwrap().answer();
    assert!(refused.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
}
