//! Any valid packet of a version and a side.

use bytes::Bytes;
use castmq_mqtt::{
    Ack, AckProperties, Auth, AuthProperties, ConnAck, ConnAckProperties, Connect,
    ConnectProperties, ConnectReturn, Disconnect, DisconnectProperties, Packet, PacketId,
    PacketType, Publish, PublishProperties, QoS, ReasonCode, RetainHandling, Sender, SubAck,
    Subscribe, SubscribeFilter, SubscribeProperties, Subscription, SubscriptionOptions, Text,
    TopicFilter, TopicName, UnsubAck, Unsubscribe, UnsubscribeProperties, UserProperties, Version,
    Will, WillProperties,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Any version.
pub(crate) fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V3), Just(Version::V4), Just(Version::V5)]
}

/// Either side.
pub(crate) fn sender() -> impl Strategy<Value = Sender> {
    prop_oneof![Just(Sender::Client), Just(Sender::Server)]
}

/// Any packet, with the version and the side it belongs to.
pub(crate) fn any_packet() -> impl Strategy<Value = (Sender, Version, Packet)> {
    (sender(), version())
        .prop_flat_map(|(from, version)| (Just(from), Just(version), packet(from, version)))
}

/// Any packet of the version that the side may send.
pub(crate) fn packet(from: Sender, version: Version) -> BoxedStrategy<Packet> {
    let common = prop_oneof![
        4 => publish(from, version).prop_map(Packet::Publish),
        1 => ack(PacketType::PubAck, from, version).prop_map(Packet::PubAck),
        1 => ack(PacketType::PubRec, from, version).prop_map(Packet::PubRec),
        1 => ack(PacketType::PubRel, from, version).prop_map(Packet::PubRel),
        1 => ack(PacketType::PubComp, from, version).prop_map(Packet::PubComp),
    ];
    let mut all = vec![common.boxed()];
    match from {
        Sender::Client => all.extend([
            connect(version).prop_map(Packet::Connect).boxed(),
            subscribe(version).prop_map(Packet::Subscribe).boxed(),
            unsubscribe(version).prop_map(Packet::Unsubscribe).boxed(),
            Just(Packet::PingReq).boxed(),
            disconnect(from, version)
                .prop_map(Packet::Disconnect)
                .boxed(),
        ]),
        Sender::Server => all.extend([
            connack(version).prop_map(Packet::ConnAck).boxed(),
            suback(version).prop_map(Packet::SubAck).boxed(),
            unsuback(version).prop_map(Packet::UnsubAck).boxed(),
            Just(Packet::PingResp).boxed(),
        ]),
    }
    if version == Version::V5 {
        all.push(auth(from).prop_map(Packet::Auth).boxed());
        all.push(
            disconnect(from, version)
                .prop_map(Packet::Disconnect)
                .boxed(),
        );
    }
    proptest::strategy::Union::new(all).boxed()
}

fn character() -> impl Strategy<Value = char> {
    prop_oneof![4 => proptest::char::range('a', 'z'), 1 => any::<char>()].prop_map(|character| {
        if character == '\0' {
            '\u{FEFF}'
        } else {
            character
        }
    })
}

fn string() -> impl Strategy<Value = String> {
    vec(character(), 0..8).prop_map(String::from_iter)
}

fn text() -> impl Strategy<Value = Text> {
    string().prop_map(|string| Text::try_from(string).unwrap())
}

fn level() -> impl Strategy<Value = String> {
    string().prop_map(|level| level.replace(['/', '+', '#', '$'], "x"))
}

fn topic() -> impl Strategy<Value = TopicName> {
    vec(level(), 1..4).prop_map(|levels| {
        let name = levels.join("/");
        let name = if name.is_empty() { "/".into() } else { name };
        TopicName::new(Text::try_from(name).unwrap()).unwrap()
    })
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    let level = prop_oneof![3 => level(), 1 => Just("+".to_owned())];
    (vec(level, 0..4), any::<bool>()).prop_map(|(mut levels, ends_with_all)| {
        if ends_with_all {
            levels.push("#".into());
        }
        let filter = levels.join("/");
        let filter = if filter.is_empty() {
            "/".into()
        } else {
            filter
        };
        TopicFilter::new(Text::try_from(filter).unwrap()).unwrap()
    })
}

fn subscription() -> impl Strategy<Value = Subscription> {
    prop_oneof![
        3 => filter().prop_map(Subscription::Own),
        1 => (level(), filter()).prop_map(|(group, filter)| Subscription::Shared {
            group: Text::try_from(format!("g{group}")).unwrap(),
            filter,
        }),
        1 => filter().prop_map(Subscription::Queue),
    ]
}

fn binary() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn user() -> impl Strategy<Value = UserProperties> {
    prop_oneof![2 => Just(Vec::new()), 1 => vec((text(), text()), 0..3)]
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|number| PacketId::new(number).unwrap())
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![
        Just(QoS::AtMostOnce),
        Just(QoS::AtLeastOnce),
        Just(QoS::ExactlyOnce)
    ]
}

fn subscription_id() -> impl Strategy<Value = u32> {
    prop_oneof![1..300_u32, 1..=268_435_455_u32]
}

/// A reason that 5.0 lists for the packet.
fn reason(packet: PacketType, from: Sender) -> impl Strategy<Value = ReasonCode> {
    let listed = ReasonCode::ALL.iter().copied();
    let listed: Vec<_> = listed
        .filter(|reason| reason.is_listed_for(packet, from))
        .collect();
    proptest::sample::select(listed)
}

/// The value in 5.0, the default before.
fn in_version_5<T: Clone + Default + std::fmt::Debug + 'static>(
    version: Version,
    strategy: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<T> {
    match version {
        Version::V5 => strategy.boxed(),
        Version::V3 | Version::V4 => Just(T::default()).boxed(),
    }
}

/// Boxed, and absent when empty: as it is decoded.
fn boxed<T: Default + PartialEq>(properties: T) -> Option<Box<T>> {
    (properties != T::default()).then(|| Box::new(properties))
}

fn authentication() -> impl Strategy<Value = (Option<Text>, Option<Bytes>)> {
    of((text(), of(binary()))).prop_map(|method_and_data| match method_and_data {
        Some((method, data)) => (Some(method), data),
        None => (None, None),
    })
}

fn connect(version: Version) -> impl Strategy<Value = Box<Connect>> {
    let head = (any::<bool>(), any::<bool>(), any::<u16>(), text());
    let rest = (of(will(version)), of(text()), of(binary()));
    (head, rest, in_version_5(version, connect_properties())).prop_map(
        move |((is_bridge, clean_start, keep_alive, client_id), rest, properties)| {
            let (will, user_name, password) = rest;
            let has_5 = version == Version::V5;
            Box::new(Connect {
                version,
                is_bridge: is_bridge && !has_5,
                clean_start,
                keep_alive,
                client_id,
                will,
                password: password.filter(|_| has_5 || user_name.is_some()),
                user_name,
                properties,
            })
        },
    )
}

fn connect_properties() -> impl Strategy<Value = ConnectProperties> {
    let numbers = (
        of(any::<u32>()),
        of(1..=u16::MAX),
        of(1..=u32::MAX),
        of(any::<u16>()),
        of(any::<bool>()),
        of(any::<bool>()),
    );
    (numbers, authentication(), user()).prop_map(|(numbers, authentication, user)| {
        ConnectProperties {
            session_expiry: numbers.0,
            receive_maximum: numbers.1,
            maximum_packet_size: numbers.2,
            topic_alias_maximum: numbers.3,
            request_response_information: numbers.4,
            request_problem_information: numbers.5,
            authentication_method: authentication.0,
            authentication_data: authentication.1,
            user,
        }
    })
}

fn will(version: Version) -> impl Strategy<Value = Will> {
    let properties = (of(any::<u32>()), message_properties())
        .prop_map(|(delay, publish)| WillProperties { delay, publish });
    let properties = in_version_5(version, properties);
    (topic(), binary(), qos(), any::<bool>(), properties).prop_map(
        |(topic, payload, qos, retain, properties)| Will {
            topic,
            payload,
            qos,
            retain,
            properties,
        },
    )
}

/// Properties of a publication but alias and subscription identifiers.
pub(crate) fn message_properties() -> impl Strategy<Value = PublishProperties> {
    let all = (
        of(any::<bool>()),
        of(any::<u32>()),
        of(topic()),
        of(binary()),
        user(),
        of(text()),
    );
    let some = all.prop_map(|all| PublishProperties {
        payload_is_utf8: all.0,
        message_expiry: all.1,
        topic_alias: None,
        response_topic: all.2.map(|topic| topic.text().clone()),
        correlation_data: all.3,
        user: all.4,
        subscription_ids: Vec::new(),
        content_type: all.5,
    });
    prop_oneof![1 => Just(PublishProperties::default()), 2 => some]
}

fn publish(from: Sender, version: Version) -> impl Strategy<Value = Publish> {
    let ids = match from {
        Sender::Client => Just(Vec::new()).boxed(),
        Sender::Server => vec(subscription_id(), 0..3).boxed(),
    };
    let properties = (message_properties(), of(1..=u16::MAX), ids).prop_map(
        |(properties, topic_alias, subscription_ids)| PublishProperties {
            topic_alias,
            subscription_ids,
            ..properties
        },
    );
    let properties = in_version_5(version, properties);
    let flags = (any::<bool>(), qos(), any::<bool>());
    (
        flags,
        of(topic()),
        topic(),
        packet_id(),
        binary(),
        properties,
    )
        .prop_map(
            |((dup, qos, retain), topic, other_topic, packet_id, payload, properties)| {
                let is_acknowledged = qos != QoS::AtMostOnce;
                Publish {
                    dup: dup && is_acknowledged,
                    qos,
                    retain,
                    topic: topic.or(match properties.topic_alias {
                        Some(_) => None,
                        None => Some(other_topic),
                    }),
                    packet_id: is_acknowledged.then_some(packet_id),
                    payload,
                    properties: boxed(properties),
                }
            },
        )
}

fn ack_properties() -> impl Strategy<Value = Option<Box<AckProperties>>> {
    (of(text()), user()).prop_map(|(reason_string, user)| {
        boxed(AckProperties {
            reason_string,
            user,
        })
    })
}

fn ack(packet: PacketType, from: Sender, version: Version) -> impl Strategy<Value = Ack> {
    let reason = match version {
        Version::V5 => reason(packet, from).boxed(),
        Version::V3 | Version::V4 => Just(ReasonCode::Success).boxed(),
    };
    (packet_id(), reason, in_version_5(version, ack_properties())).prop_map(
        |(packet_id, reason, properties)| Ack {
            packet_id,
            reason,
            properties,
        },
    )
}

fn subscribe(version: Version) -> impl Strategy<Value = Subscribe> {
    let retain_handling = prop_oneof![
        Just(RetainHandling::Send),
        Just(RetainHandling::SendIfNew),
        Just(RetainHandling::DoNotSend),
    ];
    let options = (any::<bool>(), any::<bool>(), retain_handling);
    let options = in_version_5(version, options);
    let entry =
        (subscription(), qos(), options).prop_map(|(subscription, qos, options)| SubscribeFilter {
            options: SubscriptionOptions {
                qos,
                no_local: options.0 && !subscription.is_shared(),
                retain_as_published: options.1,
                retain_handling: options.2,
            },
            subscription,
        });
    let properties = (of(subscription_id()), user());
    let properties = in_version_5(version, properties);
    (packet_id(), vec(entry, 1..4), properties).prop_map(|(packet_id, filters, properties)| {
        Subscribe {
            packet_id,
            filters,
            properties: SubscribeProperties {
                subscription_id: properties.0,
                user: properties.1,
            },
        }
    })
}

fn suback(version: Version) -> impl Strategy<Value = SubAck> {
    let reason = match version {
        Version::V5 => reason(PacketType::SubAck, Sender::Server).boxed(),
        Version::V3 | Version::V4 => prop_oneof![
            Just(ReasonCode::Success),
            Just(ReasonCode::GrantedQoS1),
            Just(ReasonCode::GrantedQoS2),
            Just(ReasonCode::UnspecifiedError),
        ]
        .boxed(),
    };
    let properties = in_version_5(version, ack_properties());
    (packet_id(), vec(reason, 1..4), properties).prop_map(|(packet_id, reasons, properties)| {
        SubAck {
            packet_id,
            reasons,
            properties,
        }
    })
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Unsubscribe> {
    let user = in_version_5(version, user());
    (packet_id(), vec(subscription(), 1..4), user).prop_map(|(packet_id, subscriptions, user)| {
        Unsubscribe {
            packet_id,
            subscriptions,
            properties: UnsubscribeProperties { user },
        }
    })
}

fn unsuback(version: Version) -> impl Strategy<Value = UnsubAck> {
    let reasons = vec(reason(PacketType::UnsubAck, Sender::Server), 1..4);
    let reasons = in_version_5(version, reasons);
    let properties = in_version_5(version, ack_properties());
    (packet_id(), reasons, properties).prop_map(|(packet_id, reasons, properties)| UnsubAck {
        packet_id,
        reasons,
        properties,
    })
}

fn connack(version: Version) -> impl Strategy<Value = Box<ConnAck>> {
    let reason = match version {
        Version::V5 => reason(PacketType::ConnAck, Sender::Server).boxed(),
        Version::V3 | Version::V4 => (0..=5_u8)
            .prop_map(|number| ConnectReturn::from_number(number).unwrap().reason())
            .boxed(),
    };
    let properties = in_version_5(version, connack_properties());
    (any::<bool>(), reason, properties).prop_map(move |(session, reason, properties)| {
        let may_hold = version != Version::V3 && reason == ReasonCode::Success;
        Box::new(ConnAck {
            session_present: session && may_hold,
            reason,
            properties,
        })
    })
}

fn connack_properties() -> impl Strategy<Value = ConnAckProperties> {
    let numbers = (
        of(any::<u32>()),
        of(1..=u16::MAX),
        of(1..=u32::MAX),
        of(any::<u16>()),
        of(any::<u16>()),
        of(prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce)]),
    );
    let switches = (
        of(any::<bool>()),
        of(any::<bool>()),
        of(any::<bool>()),
        of(any::<bool>()),
    );
    let texts = (of(text()), of(text()), of(text()), of(text()));
    (numbers, switches, texts, authentication(), user()).prop_map(
        |(numbers, switches, texts, authentication, user)| ConnAckProperties {
            session_expiry: numbers.0,
            receive_maximum: numbers.1,
            maximum_qos: numbers.5,
            retain_available: switches.0,
            maximum_packet_size: numbers.2,
            assigned_client_id: texts.0,
            topic_alias_maximum: numbers.3,
            reason_string: texts.1,
            user,
            wildcard_available: switches.1,
            subscription_ids_available: switches.2,
            shared_available: switches.3,
            server_keep_alive: numbers.4,
            response_information: texts.2,
            server_reference: texts.3,
            authentication_method: authentication.0,
            authentication_data: authentication.1,
        },
    )
}

fn disconnect(from: Sender, version: Version) -> impl Strategy<Value = Box<Disconnect>> {
    let reason = match version {
        Version::V5 => reason(PacketType::Disconnect, from).boxed(),
        Version::V3 | Version::V4 => Just(ReasonCode::Success).boxed(),
    };
    let properties = (of(any::<u32>()), of(text()), of(text()), user());
    let properties = in_version_5(version, properties);
    (reason, properties).prop_map(move |(reason, properties)| {
        Box::new(Disconnect {
            reason,
            properties: DisconnectProperties {
                session_expiry: properties.0.filter(|_| from == Sender::Client),
                reason_string: properties.1,
                user: properties.3,
                server_reference: properties.2.filter(|_| from == Sender::Server),
            },
        })
    })
}

fn auth(from: Sender) -> impl Strategy<Value = Box<Auth>> {
    let properties = (text(), of(binary()), of(text()), user()).prop_map(
        |(method, data, reason_string, user)| AuthProperties {
            method: Some(method),
            data,
            reason_string,
            user,
        },
    );
    (reason(PacketType::Auth, from), properties, any::<bool>()).prop_map(
        |(reason, properties, is_plain)| {
            Box::new(Auth {
                properties: if is_plain && reason == ReasonCode::Success {
                    AuthProperties::default()
                } else {
                    properties
                },
                reason,
            })
        },
    )
}
