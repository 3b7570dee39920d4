//! What rules deny.

use super::*;

/// Nobody subscribes to `secret/…`, publishes to `closed/…` or gets `inner/…`.
struct Rules;

impl Authorizer for Rules {
    fn authorize(&self, _: Subject<'_>, question: Question<'_>) -> Answer<()> {
        let denied = match question.action {
            Action::Subscribe => "secret/",
            Action::Publish => "closed/",
            Action::Deliver => "inner/",
        };
        if question.topic.starts_with(denied) {
            Answer::Error(())
        } else {
            Answer::Ok
        }
    }

    fn needs_delivery_check(&self) -> bool {
        true
    }
}

fn with_rules(scene: impl Fn(&Broker)) {
    for arbiters in [1, 2] {
        let builder = Broker::builder().authorizer(Arc::new(Rules));
        let broker = built(builder, |settings| settings.node.arbiters = arbiters);
        scene(&broker);
    }
}

#[test]
fn a_subscription_that_was_denied() {
    with_rules(|broker| {
        let mut c1 = client(broker, "c1");
        c1.send(v3::subscribe(1, &[("other", 0), ("secret/#", 1)]));
        c1.expect(v3::suback(1, &[0, 0x80]));
        let explanation = expect(broker, ("c1", "secret/plan"), "denied");
        assert_says(&explanation, &["subscribe to 'secret/#'"]);
    });
}

#[test]
fn a_publisher_that_was_denied() {
    with_rules(|broker| {
        let mut c1 = client(broker, "c1");
        c1.subscribe("#", 1);
        let mut publisher = client_v5(broker, "publisher");
        publisher.send(v5::publish("closed/door", "x").qos(1).id(1));
        publisher.expect_answer(0x40);
        let explanation = expect(broker, ("c1", "closed/door"), "denied");
        assert_says(&explanation, &["'publisher'", "publish"]);
        assert_eq!(outcome(&explanation, "published"), "no");
    });
}

#[test]
fn a_delivery_that_is_denied() {
    with_rules(|broker| {
        let mut c1 = client(broker, "c1");
        c1.subscribe("#", 1);
        client(broker, "publisher").publish(v3::publish("inner/x", "x").qos(1));
        let explanation = expect(broker, ("c1", "inner/x"), "denied");
        assert_says(&explanation, &["acl.check_delivery"]);
        assert_eq!(outcome(&explanation, "authorized"), "no");

        let message = lost_message(broker, "not_authorized");
        let explanation = explain_message(broker, "c1", "inner/x", message);
        assert_eq!(explanation.verdict, "denied");
    });
}
