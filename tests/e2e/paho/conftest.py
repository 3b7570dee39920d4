"""What every scenario starts with: a broker, a version of the protocol, clients, fresh names."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import paho.mqtt.client as paho
import pytest
from broker import Broker
from client import Client

_names = itertools.count(1)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.stop()


@pytest.fixture(params=[paho.MQTTv311, paho.MQTTv5], ids=["3.1.1", "5.0"])
def version(request: pytest.FixtureRequest) -> paho.MQTTProtocolVersion:
    return request.param


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Makes a name that no other test and no other run uses, for client ids and topics."""
    mark = f"{os.getpid()}-{next(_names)}"
    return lambda name: f"{name}-{mark}"


@pytest.fixture
def connect(broker: Broker, version: paho.MQTTProtocolVersion) -> Iterator[Callable[..., Client]]:
    """Connects clients, and ends what is left of them after the test."""
    clients: list[Client] = []

    def connect(
        client_id: str, *, withholds=(), will=None, way=None, certificate=None, login=None, **how
    ) -> Client:
        client = Client(
            version,
            client_id,
            withholds=withholds,
            will=will,
            way=way,
            certificate=certificate,
            login=login,
        )
        place = way or broker
        client.connect(place.host, place.port, **how)
        clients.append(client)
        return client.start()

    yield connect
    for client in clients:
        client.kill()
