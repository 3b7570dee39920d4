//! What those who watch see of a session.

use castmq_mqtt::SubscriptionOptions;

use crate::session::FlightStage;
use crate::session::script::{id, window_of};
use crate::testing::subscription;

#[test]
fn what_is_in_flight_is_shown_in_the_order_of_sending_with_how_far_it_is() {
    let mut script = window_of(3);
    script.qos2("first");
    script.qos1("second");
    script.pubrec(1).unwrap();

    let shown: Vec<_> = script
        .session
        .in_flight()
        .map(|flight| (flight.packet_id, flight.stage, flight.delivery.is_some()))
        .collect();
    assert_eq!(
        shown,
        [
            (id(1), FlightStage::Received, false),
            (id(2), FlightStage::Sent, true),
        ]
    );
}

#[test]
fn subscriptions_go_on_behind_one_of_them_however_many_there_are() {
    for count in [3, 40] {
        let mut script = window_of(1);
        for number in 0..count {
            let wanted = subscription(&format!("t/{number:02}"));
            let options = SubscriptionOptions::default();
            script.session.subscribe(&wanted, options, None).unwrap();
        }
        let behind = subscription("t/01");
        let rest: Vec<String> = script
            .session
            .subscriptions_after(Some(&behind))
            .map(|(subscription, _)| subscription.to_string())
            .collect();
        assert_eq!(rest.len(), count - 2);
        assert_eq!(rest[0], "t/02");
        assert_eq!(script.session.subscriptions_after(None).count(), count);
    }
}
