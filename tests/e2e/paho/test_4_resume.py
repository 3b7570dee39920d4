"""Scenario 4: a session resumed step by step.

The client keeps its acknowledgements back, its connection breaks, it comes back: first what it had
not acknowledged, in order and marked as repeated, then what had to wait.
"""

import paho.mqtt.client as paho
import pytest
from client import Received

# What the broker has in flight to one client: its own limit in 3.1.1, the client's in 5.0.
BROKER_WINDOW = 100
CLIENT_WINDOW = 3


@pytest.fixture
def topic(fresh):
    return fresh("resume")


@pytest.fixture
def come(connect, fresh, topic):
    """Connects the subscriber, for the first time or again."""

    def come(qos=1, **how):
        subscriber = connect(fresh("resumer"), clean=False, **how)
        if not subscriber.session_present:
            subscriber.subscribe(topic, qos)
        return subscriber

    return come


@pytest.fixture
def publish(connect, fresh, topic):
    publisher = connect(fresh("publisher"))

    def publish(*payloads, qos=1):
        for payload in payloads:
            publisher.publish(topic, payload, qos)

    return publish


def test_unacknowledged_messages_come_again_before_those_that_waited(come, publish):
    subscriber = come(withholds=("PUBACK",))
    publish("first", "second", "third")
    first, second, third = subscriber.next(), subscriber.next(), subscriber.next()
    subscriber.acknowledge(second)
    subscriber.subscribe("barrier")
    subscriber.kill()
    publish("waited")

    subscriber = come(withholds=("PUBACK",))

    assert [subscriber.next() for _ in range(2)] == [
        Received("first", qos=1, dup=True, id=first.id),
        Received("third", qos=1, dup=True, id=third.id),
    ]
    assert subscriber.next().without_id() == Received("waited", qos=1, dup=False)


def test_a_session_that_acknowledged_everything_gets_nothing_again(come, publish):
    subscriber = come(withholds=("PUBACK",))
    publish("first", "second")
    subscriber.next(), subscriber.next()
    subscriber.kill()
    subscriber = come(withholds=("PUBACK",))
    subscriber.acknowledge(subscriber.next())
    subscriber.acknowledge(subscriber.next())
    subscriber.subscribe("barrier")
    subscriber.kill()

    subscriber = come(withholds=("PUBACK",))

    publish("live")
    assert subscriber.next().without_id() == Received("live", qos=1, dup=False)


def test_the_session_fills_the_window_and_no_more_until_there_is_room(version, come, publish):
    window = CLIENT_WINDOW if version == paho.MQTTv5 else BROKER_WINDOW
    payloads = [f"message {number}" for number in range(window + 2)]
    come().disconnect()
    publish(*payloads)

    subscriber = come(withholds=("PUBACK",), receive_maximum=CLIENT_WINDOW)

    arrived = [subscriber.next() for _ in range(window)]
    subscriber.subscribe("barrier")
    assert [message.payload for message in arrived] == payloads[:window]
    assert subscriber.arrived() == []
    subscriber.acknowledge(arrived[0])
    assert subscriber.next().payload == payloads[window]
    subscriber.subscribe("barrier")
    assert subscriber.arrived() == []


def test_a_qos_2_message_without_pubrec_is_published_again(come, publish):
    subscriber = come(qos=2, withholds=("PUBREC",))
    publish("exactly once", qos=2)
    flags = subscriber.next_publish()
    assert flags.startswith("d0, q2, r0, m")
    subscriber.kill()

    subscriber = come()

    assert subscriber.next_publish() == flags.replace("d0", "d1")
    assert subscriber.next().without_id() == Received("exactly once", qos=2, dup=True)


def test_a_qos_2_message_with_pubrec_is_released_again_and_not_published_again(come, publish):
    subscriber = come(qos=2, withholds=("PUBCOMP",))
    publish("exactly once", qos=2)
    message = subscriber.next()
    subscriber.kill()

    subscriber = come()

    assert subscriber.next_packet("PUBREL") == f"PUBREL (Mid: {message.id})"
    publish("live", qos=2)
    assert subscriber.next().without_id() == Received("live", qos=2, dup=False)


def test_a_completed_qos_2_exchange_leaves_nothing_to_repeat(come, publish):
    subscriber = come(qos=2, withholds=("PUBCOMP",))
    publish("exactly once", qos=2)
    subscriber.next()
    subscriber.kill()
    subscriber = come()
    subscriber.next_packet("PUBREL")
    subscriber.subscribe("barrier")
    subscriber.kill()

    subscriber = come(withholds=("PUBCOMP",))

    subscriber.subscribe("barrier")
    publish("live", qos=2)
    assert subscriber.next().without_id() == Received("live", qos=2, dup=False)
    assert [line.split()[0] for line in list(subscriber.packets.queue)] == [
        "CONNACK",
        "SUBACK",
        "PUBLISH",
        "PUBREL",
    ]
