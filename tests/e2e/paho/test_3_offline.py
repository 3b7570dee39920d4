"""Scenario 3: what is published while a subscriber is away."""

import pytest


@pytest.fixture
def topic(fresh):
    return fresh("r")


@pytest.fixture
def publish_each_qos(connect, fresh, topic):
    """Publishes `<word> 0` with QoS 0, `<word> 1` with QoS 1 and `<word> 2` with QoS 2."""
    publisher = connect(fresh("publisher"))

    def publish(word):
        publisher.publish(topic, f"{word} 0", qos=0)
        publisher.publish(topic, f"{word} 1", qos=1)
        publisher.publish(topic, f"{word} 2", qos=2)

    return publish


def test_a_kept_session_gets_in_order_what_came_while_it_was_away(
    connect, fresh, topic, publish_each_qos
):
    subscriber = connect(fresh("r_subscriber"), clean=False)
    subscriber.subscribe(topic, qos=2)
    subscriber.disconnect()
    publish_each_qos("first")
    publish_each_qos("second")

    subscriber = connect(fresh("r_subscriber"), clean=False)

    assert subscriber.session_present
    publish_each_qos("live")
    # QoS 0 is not kept for the absent: that is the default of the broker's settings.
    assert [subscriber.next_publish()[:6] for _ in range(7)] == [
        "d0, q1",
        "d0, q2",
        "d0, q1",
        "d0, q2",
        "d0, q0",
        "d0, q1",
        "d0, q2",
    ]
    arrived = [subscriber.next() for _ in range(7)]
    assert [m.payload for m in arrived if m.qos == 0] == ["live 0"]
    assert [m.payload for m in arrived if m.qos == 1] == ["first 1", "second 1", "live 1"]
    assert [m.payload for m in arrived if m.qos == 2] == ["first 2", "second 2", "live 2"]


def test_a_kept_session_outlives_a_connection_that_breaks(connect, fresh, topic, publish_each_qos):
    subscriber = connect(fresh("r_subscriber"), clean=False)
    subscriber.subscribe(topic, qos=1)
    subscriber.kill()

    subscriber = connect(fresh("r_subscriber"), clean=False)

    assert subscriber.session_present
    publish_each_qos("live")
    assert subscriber.next().payload == "live 0"


def test_a_clean_session_gets_nothing_of_what_came_while_it_was_away(
    connect, fresh, topic, publish_each_qos
):
    subscriber = connect(fresh("r_subscriber"), clean=True)
    subscriber.subscribe(topic, qos=2)
    subscriber.disconnect()
    publish_each_qos("lost")

    subscriber = connect(fresh("r_subscriber"), clean=True)

    assert not subscriber.session_present
    subscriber.subscribe(topic, qos=2)
    publish_each_qos("live")
    assert subscriber.next().payload == "live 0"


def test_unsubscribing_ends_what_a_kept_session_collects(connect, fresh, topic, publish_each_qos):
    subscriber = connect(fresh("r_subscriber"), clean=False)
    subscriber.subscribe(topic, qos=2)
    subscriber.unsubscribe(topic)
    subscriber.disconnect()
    publish_each_qos("lost")

    subscriber = connect(fresh("r_subscriber"), clean=False)

    assert subscriber.session_present
    subscriber.subscribe(topic, qos=2)
    publish_each_qos("live")
    assert subscriber.next().payload == "live 0"


def test_a_clean_connect_discards_the_session_that_was_kept(
    connect, fresh, topic, publish_each_qos
):
    subscriber = connect(fresh("r_subscriber"), clean=False)
    subscriber.subscribe(topic, qos=2)
    subscriber.disconnect()
    publish_each_qos("lost")
    connect(fresh("r_subscriber"), clean=True).disconnect()

    subscriber = connect(fresh("r_subscriber"), clean=False)

    assert not subscriber.session_present
    subscriber.subscribe(topic, qos=2)
    publish_each_qos("live")
    assert subscriber.next().payload == "live 0"
