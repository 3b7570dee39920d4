"""Scenario 9: users of a password file that an operator changes."""

import pytest
from broker import PASSWORD, USER
from client import Client, Received

BAD_USER_NAME_OR_PASSWORD = 0x86


@pytest.fixture
def way(broker):
    """The listener that takes users only."""
    if "users" not in broker.ways:
        pytest.skip("the broker was started by somebody else")
    return broker.ways["users"]


@pytest.fixture
def refused(version, way, fresh):
    """The reason code with which a login is refused."""

    def refused(login):
        client = Client(version, fresh("refused"), way=way, login=login)
        client.connect(way.host, way.port)
        code = client.answer()
        client.paho.loop_stop()
        return code

    return refused


def test_a_user_comes_in_by_the_password(connect, fresh, way, refused):
    topic = fresh("test")
    client = connect(fresh("client"), way=way, login=(USER, PASSWORD))
    client.subscribe(topic, qos=1)

    client.publish(topic, "hello world", qos=1)

    assert client.next().without_id() == Received("hello world", qos=1)
    assert refused((USER, "wrong")) == BAD_USER_NAME_OR_PASSWORD
    assert refused(("nobody", PASSWORD)) == BAD_USER_NAME_OR_PASSWORD
    assert refused(None) == BAD_USER_NAME_OR_PASSWORD


def test_a_user_who_is_taken_out_is_disconnected_and_the_others_stay(
    broker, connect, fresh, way, refused
):
    alice = connect(fresh("alice"), way=way, login=(USER, PASSWORD))
    broker.change_users("add", "bob", "other")
    # Somebody who comes in as bob shows that the file was read; until then it is asked again.
    while refused(("bob", "other")) == BAD_USER_NAME_OR_PASSWORD:
        pass
    bob = connect(fresh("bob"), way=way, login=("bob", "other"))

    broker.change_users("del", "bob")

    assert bob.is_closed()
    assert refused(("bob", "other")) == BAD_USER_NAME_OR_PASSWORD
    alice.subscribe(fresh("test"), qos=1)
