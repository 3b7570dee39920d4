use castmq_settings::AdminToken;

use super::*;

/// SHA-256 of `swordfish`.
const SWORDFISH: &str = "b9f195c5cc7ef6afadbfbc42892ad47d3b24c6bc94bb510c4564a90a14e8b799";

fn gate(alter: impl FnOnce(&mut Settings)) -> Gate {
    let mut settings = Settings::default();
    alter(&mut settings);
    let known = Known::load(&settings).unwrap();
    Gate::new(&settings, known, Desk::new("test-hash", 1, 8))
}

fn with_token(settings: &mut Settings) {
    settings.tokens.push(AdminToken {
        name: "ops".to_owned(),
        sha256: SWORDFISH.to_owned(),
        role: AdminRole::Viewer,
    });
}

fn ask(gate: &Gate, peer: &str, pairs: &[(&'static str, &str)]) -> Result<Caller, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:18083"));
    for (name, value) in pairs {
        headers.insert(*name, value.parse().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(gate.admit(format!("{peer}:5").parse().unwrap(), &headers))
}

fn basic(user_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

#[test]
fn where_nobody_is_known_everybody_on_this_machine_is_an_admin() {
    let caller = ask(&gate(|_| ()), "127.0.0.1", &[]).unwrap();
    assert_eq!(
        (caller.who.as_str(), caller.role),
        ("local", AdminRole::Admin)
    );
    assert!(ask(&gate(|_| ()), "[::ffff:127.0.0.1]", &[]).is_ok());
}

#[test]
fn where_nobody_is_known_nobody_elsewhere_is_anybody() {
    let refused = ask(&gate(|_| ()), "10.0.0.1", &[]).unwrap_err();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn what_a_proxy_passes_on_comes_from_elsewhere() {
    for header in FORWARDED {
        let refused = ask(&gate(|_| ()), "127.0.0.1", &[(header, "127.0.0.1")]).unwrap_err();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{header}");
    }
}

#[test]
fn where_somebody_is_known_this_machine_shows_a_token_too() {
    let gate = gate(with_token);
    let refused = ask(&gate, "127.0.0.1", &[]).unwrap_err();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    let caller = ask(&gate, "10.0.0.1", &[("authorization", "Bearer swordfish")]).unwrap();
    assert_eq!(
        (caller.who.as_str(), caller.role),
        ("ops", AdminRole::Viewer)
    );
}

#[test]
fn a_wrong_token_is_told_the_same_as_none_and_counted() {
    let gate = gate(with_token);
    let wrong = ask(&gate, "10.0.0.1", &[("authorization", "Bearer swordfisk")]).unwrap_err();
    assert_eq!(wrong, ask(&gate, "10.0.0.1", &[]).unwrap_err());
    assert_eq!(gate.failures(), 1);
}

#[test]
fn a_user_of_the_settings_is_a_viewer_and_a_superuser_an_admin() {
    let hash = castmq_broker::access::PasswordHash::argon2id(b"secret", &[7; 16]);
    let gate = gate(|settings| {
        settings.users = vec![format!("ann:{hash}"), format!("bob:{hash}:superuser")];
    });
    let ann = ask(
        &gate,
        "10.0.0.1",
        &[("authorization", &basic("ann:secret"))],
    )
    .unwrap();
    assert_eq!((ann.who.as_str(), ann.role), ("ann", AdminRole::Viewer));
    let bob = ask(
        &gate,
        "10.0.0.1",
        &[("authorization", &basic("bob:secret"))],
    )
    .unwrap();
    assert_eq!(bob.role, AdminRole::Admin);
    assert!(
        ask(
            &gate,
            "10.0.0.1",
            &[("authorization", &basic("bob:secreT"))]
        )
        .is_err()
    );
    assert!(
        ask(
            &gate,
            "10.0.0.1",
            &[("authorization", &basic("eve:secret"))]
        )
        .is_err()
    );
}

#[test]
fn a_right_password_is_remembered_until_the_users_change() {
    let hash = castmq_broker::access::PasswordHash::argon2id(b"secret", &[7; 16]);
    let gate = gate(|settings| settings.users = vec![format!("ann:{hash}")]);
    let ann = || {
        ask(
            &gate,
            "10.0.0.1",
            &[("authorization", &basic("ann:secret"))],
        )
    };
    assert_eq!(ann().unwrap(), ann().unwrap());

    let mut settings = Settings::default();
    with_token(&mut settings);
    gate.replace(Known::load(&settings).unwrap());
    assert!(ann().is_err());
}

#[test]
fn guesses_through_a_proxy_are_counted_by_whom_it_asks_for() {
    let gate = gate(with_token);
    let guess = |from: &str| {
        let pairs = [("authorization", "Bearer x"), ("x-forwarded-for", from)];
        ask(&gate, "127.0.0.1", &pairs).unwrap_err().status()
    };
    for _ in 0..5 {
        assert_eq!(guess("1.1.1.1, 10.0.0.1"), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(guess("2.2.2.2, 10.0.0.1"), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(guess("10.0.0.1, 3.3.3.3"), StatusCode::UNAUTHORIZED);
}

#[test]
fn guesses_through_a_proxy_are_few_also_when_each_comes_from_somewhere_else() {
    let gate = gate(with_token);
    let guess = |number: u32| {
        let from = format!("10.0.0.{number}");
        let pairs = [("authorization", "Bearer x"), ("x-forwarded-for", &from)];
        ask(&gate, "127.0.0.1", &pairs).unwrap_err().status()
    };
    for number in 0..50 {
        assert_eq!(guess(number), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(guess(50), StatusCode::TOO_MANY_REQUESTS);
    let here = [("authorization", "Bearer swordfish")];
    assert!(ask(&gate, "127.0.0.1", &here).is_ok());
}

#[test]
fn what_is_no_credential_lets_nobody_in() {
    let gate = gate(with_token);
    for value in [
        "Basic",
        "Basic !!!",
        "Digest x",
        "Bearer",
        "Basic c3dvcmRmaXNo",
    ] {
        assert!(
            ask(&gate, "10.0.0.1", &[("authorization", value)]).is_err(),
            "{value}"
        );
    }
}
