//! A service that is asked about each client.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use castmq_settings::{AuthHttp, HttpMethod, OnFailure};

use super::service::Service;
use super::{
    ALICE, House, expect_may_not_publish, expect_may_publish, expect_refused, expect_refused_v3,
    unix_time, use_password_file, words,
};

/// A broker that asks the service first and its password file then, and lets nobody publish whom nobody
/// gives the right.
fn house(url: String, alter: impl FnOnce(&mut AuthHttp)) -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.chain = words(&["http", "password_file"]);
        settings.auth.http.url = Some(url);
        settings.acl.file = Some(files.write("acl.toml", ""));
        alter(&mut settings.auth.http);
    })
}

/// An address at which nobody listens.
fn nowhere() -> String {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("http://{}/", taken.local_addr().unwrap())
}

#[test]
fn whom_the_service_allows_comes_in() {
    let service = Service::saying(200, "");
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    house.user("carol", "x").disconnect();
    house.client_v5("nameless").disconnect();
}

#[test]
fn whom_it_denies_does_not_whoever_else_would_know_the_client() {
    let service = Service::saying(403, "");
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    expect_refused(&house, &house.login("alice", "secret"), 0x86);
    expect_refused_v3(&house, &house.login_v3("alice", "secret"), 4);
}

#[test]
fn it_may_say_so_in_words() {
    let service = Service::new(|request| {
        let is_carol = request.body.contains("\"username\":\"carol\"");
        let result = if is_carol { "allow" } else { "deny" };
        (200, format!(r#"{{"result":"{result}"}}"#))
    });
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    house.user("carol", "x").disconnect();
    expect_refused(&house, &house.login("dave", "x"), 0x86);
}

#[test]
fn whom_it_does_not_know_another_module_may_know() {
    let service = Service::new(|request| {
        let is_get = request.line.starts_with("GET");
        if is_get {
            (404, String::new())
        } else {
            (200, "ignore".to_owned())
        }
    });
    let Some(asked_by_post) = house(service.url(), |_| ()) else {
        return;
    };
    asked_by_post.user("alice", "secret").disconnect();
    expect_refused(&asked_by_post, &asked_by_post.login("carol", "x"), 0x86);

    let Some(asked_by_get) = house(service.url(), |http| http.method = HttpMethod::Get) else {
        return;
    };
    asked_by_get.user("alice", "secret").disconnect();
}

/// \[MQTT5-3.2.2-7\] \[MQTT3-3.2.2-5\]
#[test]
fn while_it_fails_clients_hear_that_the_server_is_unavailable() {
    let service = Service::saying(500, "");
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    expect_refused(&house, &house.login("alice", "secret"), 0x88);
    expect_refused_v3(&house, &house.login_v3("alice", "secret"), 3);
}

/// \[MQTT5-3.2.2-7\] \[MQTT3-3.2.2-5\]
#[test]
fn and_while_it_cannot_be_reached() {
    let Some(house) = house(nowhere(), |_| ()) else {
        return;
    };

    expect_refused(&house, &house.login("alice", "secret"), 0x88);
    expect_refused_v3(&house, &house.login_v3("alice", "secret"), 3);
}

#[test]
fn and_while_it_does_not_answer_in_time() {
    // Whoever connects waits in its backlog.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let Some(house) = house(url, |http| http.timeout = Duration::from_millis(100)) else {
        return;
    };

    expect_refused(&house, &house.login("alice", "secret"), 0x88);
}

#[test]
fn a_page_of_something_else_is_no_answer() {
    let service = Service::saying(200, "<html>Welcome to your router</html>");
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    expect_refused(&house, &house.login("alice", "secret"), 0x88);
}

#[test]
fn a_failure_may_leave_the_client_to_the_next_module() {
    let Some(house) = house(nowhere(), |http| http.on_failure = OnFailure::Ignore) else {
        return;
    };

    house.user("alice", "secret").disconnect();
    expect_refused(&house, &house.login("carol", "x"), 0x86);
}

#[test]
fn it_is_told_who_wants_to_come_in() {
    let service = Service::saying(200, "");
    let Some(house) = house(service.url(), |http| {
        http.headers = words(&["Authorization: Bearer of news"]);
    }) else {
        return;
    };

    house.user("carol", "1 & \"2\"").disconnect();
    let request = service.request();
    assert_eq!(request.line, "POST /auth HTTP/1.1");
    let id = house.id("carol");
    let expected = format!(r#""clientid":"{id}""#);
    assert!(request.body.contains(&expected), "{}", request.body);
    let password = r#""password":"1 & \"2\"""#;
    assert!(request.body.contains(password), "{}", request.body);
    let headers = request.headers.join("\n").to_lowercase();
    assert!(headers.contains("authorization: bearer of news"));
}

#[test]
fn it_may_be_told_in_the_address() {
    let service = Service::saying(200, "");
    let Some(house) = house(service.url(), |http| {
        http.method = HttpMethod::Get;
        http.fields = words(&["who=%u", "secret=%P"]);
    }) else {
        return;
    };

    house.user("carol & dave", "a=b").disconnect();
    let line = service.request().line;
    assert_eq!(
        line,
        "GET /auth?who=carol%20%26%20dave&secret=a%3Db HTTP/1.1"
    );
}

#[test]
fn or_as_a_form() {
    let service = Service::saying(200, "");
    let Some(house) = house(service.url(), |http| {
        http.method = HttpMethod::PostForm;
        http.fields = words(&["who=%u", "secret=%P"]);
    }) else {
        return;
    };

    house.user("carol", "a&b").disconnect();
    assert_eq!(service.request().body, "who=carol&secret=a%26b");
}

#[test]
fn it_may_make_superusers_and_give_rights() {
    let service = Service::new(|request| {
        let is_root = request.body.contains("\"username\":\"root\"");
        let extra = if is_root {
            r#""is_superuser":true"#
        } else {
            r#""acl":{"pub":["own/%u"]}"#
        };
        (200, format!(r#"{{"result":"allow",{extra}}}"#))
    });
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };
    let mut root = house.user("root", "x");
    let mut carol = house.user("carol", "x");

    expect_may_publish(&mut root, "anything");
    expect_may_publish(&mut carol, "own/carol");
    expect_may_not_publish(&mut carol, "own/root");
}

/// \[MQTT5-4.13.2-1\]
#[test]
fn it_may_say_until_when() {
    let service = Service::new(|_| {
        let end = unix_time() + 2;
        (200, format!(r#"{{"result":"allow","expire_at":{end}}}"#))
    });
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    house.user("carol", "x").expect_disconnect(0x87);
}

#[test]
fn a_good_answer_is_remembered_for_the_same_client_with_the_same_password() {
    let service = Service::new(|request| {
        let is_good = request.body.contains("\"password\":\"good\"");
        (if is_good { 200 } else { 403 }, String::new())
    });
    let Some(house) = house(service.url(), |http| http.cache = Duration::from_secs(60)) else {
        return;
    };

    house.user("carol", "good").disconnect();
    house.user("carol", "good").disconnect();
    assert_eq!(service.requests_now(), 1);
    expect_refused(&house, &house.login("carol", "bad"), 0x86);
    expect_refused(&house, &house.login("carol", "bad"), 0x86);
    house.user("dave", "good").disconnect();
    assert_eq!(service.requests_now(), 3);
}

#[test]
fn otherwise_it_is_asked_each_time() {
    let service = Service::saying(200, "");
    let Some(house) = house(service.url(), |_| ()) else {
        return;
    };

    house.user("carol", "x").disconnect();
    house.user("carol", "x").disconnect();
    assert_eq!(service.requests_now(), 2);
}

/// \[MQTT5-3.2.2-7\]
#[test]
fn when_too_many_wait_for_it_the_next_one_hears_that_the_broker_is_busy() {
    let (let_go, held) = sync_channel::<()>(0);
    let held = Mutex::new(held);
    let service = Service::new(move |_| {
        let _ = held.lock().unwrap().recv();
        (200, String::new())
    });
    let Some(house) = House::with(|settings, _| {
        settings.auth.chain = words(&["http"]);
        settings.auth.http.url = Some(service.url());
        settings.auth.http.connections = 1;
        settings.auth.http.waiting = 1;
        settings.node.arbiters = 1;
    }) else {
        return;
    };
    let mut asked = house.open();
    asked.send_connect(&house.login("asked", "x"));
    service.request();
    let mut waiting = house.open();
    waiting.send_connect(&house.login("waiting", "x"));
    let mut late = house.open();

    late.send_connect(&house.login("late", "x"));
    assert_eq!(late.expect_answer(0x20).code(), 0x89);
    late.expect_close();
    drop(let_go);
    assert_eq!(asked.expect_answer(0x20).code(), 0);
    assert_eq!(waiting.expect_answer(0x20).code(), 0);
}
