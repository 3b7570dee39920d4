"""Scenario 8: clients that reach the broker over TLS, over WebSocket, and through the file system."""

import ssl

import pytest
from client import Client, Received, Will

# Larger than a record of TLS and than a frame of a WebSocket with a short length.
LARGE = "x" * 200_000


@pytest.fixture(params=["tls", "ws", "wss", "unix"])
def way(broker, request):
    return way_to(broker, request.param)


@pytest.fixture
def certified(broker):
    """The listener that takes clients with a certificate only."""
    return way_to(broker, "certified")


@pytest.fixture
def pump(broker):
    """The certificate of a client, and its key."""
    return broker.files / "client.crt", broker.files / "client.key"


def way_to(broker, name):
    if name not in broker.ways:
        pytest.skip("the broker was started by somebody else")
    return broker.ways[name]


def test_a_message_comes_whole_in_each_qos(connect, fresh, way):
    topic = fresh("test")
    client = connect(fresh("client"), way=way)
    client.subscribe(topic, qos=2)

    client.publish(topic, "at most once")
    client.publish(topic, LARGE, qos=1)
    client.publish(topic, "", qos=2)

    assert client.next().without_id() == Received("at most once", qos=0)
    assert client.next().without_id() == Received(LARGE, qos=1)
    assert client.next().without_id() == Received("", qos=2)


def test_clients_of_different_transports_reach_each_other(connect, fresh, way):
    topic = fresh("test")
    here, there = connect(fresh("here"), way=way), connect(fresh("there"))
    here.subscribe(topic, qos=1)
    there.subscribe(topic, qos=1)

    there.publish(topic, "to both", qos=1)
    assert here.next().without_id() == Received("to both", qos=1)
    assert there.next().without_id() == Received("to both", qos=1)

    here.publish(topic, "to both again", qos=1)
    assert here.next().without_id() == Received("to both again", qos=1)
    assert there.next().without_id() == Received("to both again", qos=1)


def test_what_waited_comes_when_the_client_is_back_over_another_transport(connect, fresh, way):
    topic, name = fresh("r"), fresh("subscriber")
    subscriber = connect(name, way=way, clean=False)
    subscriber.subscribe(topic, qos=1)
    subscriber.disconnect()
    connect(fresh("publisher"), way=way).publish(topic, "meanwhile", qos=1)

    back = connect(name, clean=False)

    assert back.session_present
    assert back.next().without_id() == Received("meanwhile", qos=1)


def test_the_will_of_a_client_that_was_cut_off_is_published(connect, fresh, way):
    topic = fresh("will_test")
    watcher = connect(fresh("watcher"))
    watcher.subscribe(topic, qos=1)
    client = connect(fresh("mortal"), way=way, will=Will(topic, "client is offline", retain=False))

    client.kill()

    assert watcher.next().without_id() == Received("client is offline", qos=1)


def test_a_client_that_says_good_bye_leaves_no_will(connect, fresh, way):
    topic = fresh("will_test")
    watcher = connect(fresh("watcher"))
    watcher.subscribe(topic, qos=1)
    client = connect(fresh("mortal"), way=way, will=Will(topic, "client is offline", retain=False))

    client.disconnect()

    watcher.publish(topic, "no will came before me", qos=1)
    assert watcher.next().without_id() == Received("no will came before me", qos=1)


def test_a_client_comes_in_by_its_certificate(connect, fresh, certified, pump):
    topic = fresh("test")
    client = connect(fresh("client"), way=certified, certificate=pump)
    client.subscribe(topic, qos=1)

    client.publish(topic, "hello world", qos=1)

    assert client.next().without_id() == Received("hello world", qos=1)


def test_a_client_without_one_does_not(fresh, version, certified):
    client = Client(version, fresh("client"), way=certified)

    # TLS 1.3 tells it after the handshake, by ending the connection.
    client.connect(certified.host, certified.port)
    client.paho.loop_start()

    assert client.is_turned_away()
    client.paho.loop_stop()


def test_a_client_that_trusts_nobody_does_not_send_anything(broker, fresh, version):
    tls = way_to(broker, "tls")
    client = Client(version, fresh("client"))
    client.paho.tls_set()

    with pytest.raises(ssl.SSLCertVerificationError):
        client.connect(tls.host, tls.port)
