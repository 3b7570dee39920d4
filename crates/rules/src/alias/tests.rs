//! What topic aliases promise, by example.

use castmq_mqtt::ReasonCode;
use proptest::prelude::*;

use crate::alias::{Alias, AliasError, AliasPolicy, InboundAliases, OutboundAliases};
use crate::testing::topic;

#[test]
fn an_alias_stands_for_the_topic_it_was_sent_with() {
    let mut aliases = InboundAliases::new(5);
    assert_eq!(aliases.resolve(Some(topic("a")), Some(5)), Ok(topic("a")));
    assert_eq!(aliases.resolve(None, Some(5)), Ok(topic("a")));
}

#[test]
fn an_alias_may_be_given_to_another_topic() {
    let mut aliases = InboundAliases::new(5);
    aliases.resolve(Some(topic("a")), Some(1)).unwrap();
    aliases.resolve(Some(topic("b")), Some(1)).unwrap();
    assert_eq!(aliases.resolve(None, Some(1)), Ok(topic("b")));
}

/// \[MQTT5-3.3.2-8\] \[MQTT5-3.3.2-9\]
#[test]
fn an_alias_of_0_or_above_the_maximum_is_invalid() {
    let mut aliases = InboundAliases::new(5);
    let too_high = aliases.resolve(Some(topic("a")), Some(6)).unwrap_err();
    assert_eq!(too_high, AliasError::NotAllowed(6));
    assert_eq!(too_high.reason_code(), ReasonCode::TopicAliasInvalid);
    let zero = aliases.resolve(Some(topic("a")), Some(0));
    assert_eq!(zero, Err(AliasError::NotAllowed(0)));
}

/// \[MQTT5-3.3.2-12\]
#[test]
fn every_alias_up_to_the_maximum_is_taken() {
    let mut aliases = InboundAliases::new(u16::MAX);
    for alias in 1..=u16::MAX {
        assert!(aliases.resolve(Some(topic("a")), Some(alias)).is_ok());
    }
}

#[test]
fn an_alias_that_stands_for_nothing_is_a_protocol_error() {
    let mut aliases = InboundAliases::new(5);
    let unknown = aliases.resolve(None, Some(3)).unwrap_err();
    assert_eq!(unknown, AliasError::Unknown(3));
    assert_eq!(unknown.reason_code(), ReasonCode::ProtocolError);
    assert_eq!(aliases.resolve(None, None), Err(AliasError::NoTopic));
}

fn number(alias: Alias) -> (u16, bool) {
    match alias {
        Alias::None => (0, false),
        Alias::Defined(alias) => (alias.get(), true),
        Alias::Known(alias) => (alias.get(), false),
    }
}

/// \[MQTT5-3.1.2-27\]
#[test]
fn a_client_that_takes_no_aliases_gets_none() {
    let mut aliases = OutboundAliases::new(0, 10, AliasPolicy::FirstCome);
    assert_eq!(aliases.assign(&topic("a")), Alias::None);
}

#[test]
fn first_come_first_served() {
    let mut aliases = OutboundAliases::new(2, 10, AliasPolicy::FirstCome);
    assert_eq!(number(aliases.assign(&topic("a"))), (1, true));
    assert_eq!(number(aliases.assign(&topic("a"))), (1, false));
    assert_eq!(number(aliases.assign(&topic("b"))), (2, true));
    assert_eq!(aliases.assign(&topic("c")), Alias::None);
}

#[test]
fn the_topic_used_longest_ago_loses_its_alias() {
    let mut aliases = OutboundAliases::new(2, 10, AliasPolicy::LeastRecentlyUsed);
    aliases.assign(&topic("a"));
    aliases.assign(&topic("b"));
    aliases.assign(&topic("a"));
    assert_eq!(number(aliases.assign(&topic("c"))), (2, true));
    assert_eq!(number(aliases.assign(&topic("a"))), (1, false));
    assert_eq!(number(aliases.assign(&topic("b"))), (2, true));
    assert_eq!(number(aliases.assign(&topic("c"))), (1, true));
}

proptest! {
    /// What one side writes, the other one reads. \[MQTT5-3.1.2-26\] \[MQTT5-3.3.2-11\]
    #[test]
    fn a_receiver_learns_the_right_topic_whatever_comes(
        clients_max in 0..5_u16,
        is_first_come in any::<bool>(),
        topics in proptest::collection::vec(0..8_u8, 0..60),
    ) {
        let policy = if is_first_come {
            AliasPolicy::FirstCome
        } else {
            AliasPolicy::LeastRecentlyUsed
        };
        let mut sender = OutboundAliases::new(clients_max, 4, policy);
        let mut receiver = InboundAliases::new(clients_max);
        for number in topics {
            let topic = topic(&number.to_string());
            let read = match sender.assign(&topic) {
                Alias::None => receiver.resolve(Some(topic.clone()), None),
                Alias::Defined(alias) => receiver.resolve(Some(topic.clone()), Some(alias.get())),
                Alias::Known(alias) => receiver.resolve(None, Some(alias.get())),
            };
            prop_assert_eq!(read, Ok(topic));
        }
    }
}
