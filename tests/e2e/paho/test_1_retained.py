"""Scenario 1: retained messages."""

from client import Received


def test_a_subscriber_that_comes_later_gets_the_retained_message_with_the_flag(connect, fresh):
    topic = fresh("test")
    connect(fresh("publisher")).publish(topic, "hello world", qos=1, retain=True)

    subscriber = connect(fresh("subscriber"), clean=False)
    subscriber.subscribe(topic, qos=1)

    assert subscriber.next().without_id() == Received("hello world", retain=True, qos=1)


def test_a_message_published_to_a_subscriber_that_is_there_comes_without_the_flag(connect, fresh):
    topic = fresh("test")
    publisher = connect(fresh("publisher"))
    publisher.publish(topic, "hello world", qos=1, retain=True)
    subscriber = connect(fresh("subscriber"), clean=False)
    subscriber.subscribe(topic, qos=1)
    subscriber.next()

    publisher.publish(topic, "hello again", qos=1, retain=True)

    assert subscriber.next().without_id() == Received("hello again", retain=False, qos=1)


def test_subscribing_again_brings_the_newest_version_with_the_flag(connect, fresh):
    topic = fresh("test")
    publisher = connect(fresh("publisher"))
    publisher.publish(topic, "hello world", qos=1, retain=True)
    subscriber = connect(fresh("subscriber"), clean=False)
    subscriber.subscribe(topic, qos=1)
    subscriber.next()
    publisher.publish(topic, "hello again", qos=1, retain=True)
    subscriber.next()

    subscriber.subscribe(topic, qos=1)

    assert subscriber.next().without_id() == Received("hello again", retain=True, qos=1)


def test_an_empty_retained_payload_deletes(connect, fresh):
    topic = fresh("test")
    publisher = connect(fresh("publisher"))
    publisher.publish(topic, "hello world", qos=1, retain=True)

    publisher.publish(topic, "", qos=1, retain=True)

    subscriber = connect(fresh("subscriber"))
    subscriber.subscribe(topic, qos=1)
    publisher.publish(topic, "live", qos=1)
    assert subscriber.next().without_id() == Received("live", qos=1)


def test_an_empty_payload_without_the_flag_deletes_nothing(connect, fresh):
    topic = fresh("test")
    publisher = connect(fresh("publisher"))
    publisher.publish(topic, "hello world", qos=1, retain=True)

    publisher.publish(topic, "", qos=1)

    subscriber = connect(fresh("subscriber"))
    subscriber.subscribe(topic, qos=1)
    assert subscriber.next().without_id() == Received("hello world", retain=True, qos=1)
