"""Scenario 2: the will."""

import pytest
from client import Received, Will


@pytest.fixture
def topic(fresh):
    return fresh("will_test")


@pytest.fixture
def monitor(connect, fresh, topic):
    """Watches the topic under a client id that comes back."""

    def monitor():
        client = connect(fresh("monitor"))
        client.subscribe(topic, qos=1)
        return client

    return monitor


@pytest.fixture
def mortal(connect, fresh, topic):
    """A client that says it is online and leaves word for when it is not."""
    client = connect(fresh("mortal"), will=Will(topic, "client is offline"))
    client.publish(topic, "client is online", qos=1, retain=True)
    return client


def test_a_monitor_that_comes_later_sees_the_client_online(mortal, monitor):
    assert monitor().next().without_id() == Received("client is online", retain=True, qos=1)


def test_a_monitor_that_is_there_sees_the_killed_client_offline(mortal, monitor):
    watcher = monitor()
    watcher.next()

    mortal.kill()

    assert watcher.next().without_id() == Received("client is offline", retain=False, qos=1)


def test_a_monitor_that_restarts_sees_the_killed_client_still_offline(mortal, monitor):
    watcher = monitor()
    watcher.next()
    mortal.kill()
    watcher.next()
    watcher.kill()

    assert monitor().next().without_id() == Received("client is offline", retain=True, qos=1)


def test_a_client_that_says_good_bye_leaves_no_will(connect, fresh, topic, mortal, monitor):
    watcher = monitor()
    watcher.next()

    mortal.disconnect()

    connect(fresh("mortal")).publish(topic, "no will came before me", qos=1)
    assert watcher.next().without_id() == Received("no will came before me", qos=1)
