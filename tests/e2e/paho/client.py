"""A paho client whose steps a test can take one by one.

Waiting is always for something that has to come. That something does *not* come is shown by a later
thing that came in its place, never by waiting a while.
"""

from __future__ import annotations

import queue
import re
import socket
import threading
from dataclasses import dataclass

import paho.mqtt.client as paho
from broker import Way
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE_SECONDS = 10
SESSION_EXPIRY_SECONDS = 3600
PACKET = re.compile(r"^Received (?P<packet>[A-Z]+)")


@dataclass(frozen=True)
class Received:
    """A message as its reader sees it."""

    payload: str
    retain: bool = False
    qos: int = 0
    dup: bool = False
    id: int = 0

    def without_id(self) -> Received:
        return Received(self.payload, self.retain, self.qos, self.dup)


@dataclass(frozen=True)
class Will:
    """What the broker publishes when the client goes away without a word."""

    topic: str
    payload: str
    qos: int = 1
    retain: bool = True


class WithholdingPaho(paho.Client):
    """Keeps acknowledgements of QoS 2 messages back, which paho's `manual_ack` does not do."""

    def _send_pubrec(self, mid: int) -> paho.MQTTErrorCode:
        return paho.MQTT_ERR_SUCCESS


class Client:
    """One connection of one client."""

    def __init__(
        self,
        version: paho.MQTTProtocolVersion,
        client_id: str,
        *,
        withholds: tuple[str, ...] = (),
        will: Will | None = None,
        way: Way | None = None,
        certificate: tuple[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.version = version
        self.packets: queue.Queue[str] = queue.Queue()
        self.messages: queue.Queue[Received] = queue.Queue()
        self.session_present = False
        self._events: queue.Queue[tuple[str, object]] = queue.Queue()
        self._closed = threading.Event()
        kind = WithholdingPaho if "PUBREC" in withholds else paho.Client
        self.paho = kind(
            paho.CallbackAPIVersion.VERSION2,
            client_id,
            # In 5.0 this is an argument of connect() instead.
            clean_session=None if version == paho.MQTTv5 else True,
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=bool(withholds),
            transport=way.transport if way else "tcp",
        )
        if way is not None and way.authority is not None:
            shown, key = certificate or (None, None)
            self.paho.tls_set(way.authority, shown, key)
        self.paho.max_inflight_messages_set(1000)
        if login is not None:
            self.paho.username_pw_set(*login)
        if will is not None:
            self.paho.will_set(will.topic, will.payload, will.qos, will.retain)
        self.paho.on_connect = self._on_connect
        self.paho.on_disconnect = lambda *_: self._closed.set()
        self.paho.on_message = self._on_message
        self.paho.on_subscribe = lambda _c, _u, mid, reasons, _p: self._events.put(
            (f"suback {mid}", [reason.value for reason in reasons])
        )
        self.paho.on_unsubscribe = lambda _c, _u, mid, _r, _p: self._events.put(
            (f"unsuback {mid}", None)
        )
        self.paho.on_publish = lambda _c, _u, mid, _r, _p: self._events.put(
            (f"published {mid}", None)
        )
        self.paho.on_log = self._on_log

    # What a test does.

    def connect(
        self,
        host: str,
        port: int,
        *,
        clean: bool = True,
        keep_alive: int = 60,
        receive_maximum: int | None = None,
    ) -> None:
        """Connects; in 5.0 a session that is not clean outlives the connection as in 3.1.1."""
        if self.version == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else SESSION_EXPIRY_SECONDS
            if receive_maximum is not None:
                properties.ReceiveMaximum = receive_maximum
            self.paho.connect(host, port, keep_alive, clean_start=clean, properties=properties)
        else:
            self.paho._clean_session = clean
            self.paho.connect(host, port, keep_alive)

    def start(self) -> Client:
        """Lets paho's thread read and write until the end of the connection."""
        assert self.answer() == 0
        return self

    def answer(self) -> int:
        """The reason code of CONNACK, that of 5.0 in either version."""
        self.paho.loop_start()
        return self._wait_for("connected")

    def subscribe(self, topic_filter: str, qos: int = 2) -> list[int]:
        """Subscribes and returns what the broker grants."""
        _, mid = self.paho.subscribe(topic_filter, qos)
        return self._wait_for(f"suback {mid}")

    def unsubscribe(self, topic_filter: str) -> None:
        _, mid = self.paho.unsubscribe(topic_filter)
        self._wait_for(f"unsuback {mid}")

    def publish(self, topic: str, payload: str, qos: int = 0, *, retain: bool = False) -> None:
        """Publishes and waits until the exchange is complete."""
        info = self.paho.publish(topic, payload, qos, retain)
        self._wait_for(f"published {info.mid}")

    def acknowledge(self, message: Received) -> None:
        """Sends what `withholds` keeps back: PUBACK, or PUBCOMP once PUBREL is here."""
        self.paho.ack(message.id, message.qos)

    def next(self) -> Received:
        """The next message, which has to come."""
        return self.messages.get(timeout=PATIENCE_SECONDS)

    def next_packet(self, kind: str) -> str:
        """The next packet of that kind, which has to come."""
        while True:
            line = self.packets.get(timeout=PATIENCE_SECONDS)
            if line.startswith(kind):
                return line

    def next_publish(self) -> str:
        """Flags of the next PUBLISH as it came off the wire: `d0, q2, r0, m1`.

        Paho hands a QoS 2 message on when it is released, so only this shows the order of packets.
        """
        return self.next_packet("PUBLISH").split("(")[1].split(")")[0]

    def arrived(self) -> list[Received]:
        """All messages that are here already."""
        arrived = []
        while not self.messages.empty():
            arrived.append(self.messages.get())
        return arrived

    def disconnect(self) -> None:
        """Says good-bye and waits for the end."""
        self.paho.disconnect()
        assert self._closed.wait(PATIENCE_SECONDS)
        self.paho.loop_stop()

    def is_turned_away(self) -> bool:
        """Whether the connection ends before anything was answered."""
        return self._closed.wait(PATIENCE_SECONDS) and self._events.empty()

    def is_closed(self) -> bool:
        """Whether the broker ends the connection."""
        return self._closed.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Ends the connection without DISCONNECT, as the end of a process does."""
        connection = self.paho.socket()
        # Paho's WebSocket is not a socket, but has one.
        connection = getattr(connection, "_socket", connection)
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # The broker was faster.
        self.paho.loop_stop()

    # What paho calls, in its thread.

    def _on_connect(self, _client, _userdata, flags, reason, _properties) -> None:
        self.session_present = flags.session_present
        self._events.put(("connected", reason.value))

    def _on_message(self, _client, _userdata, message: paho.MQTTMessage) -> None:
        self.messages.put(
            Received(
                message.payload.decode(),
                bool(message.retain),
                message.qos,
                bool(message.dup),
                message.mid,
            )
        )

    def _on_log(self, _client, _userdata, _level, line: str) -> None:
        packet = PACKET.match(line)
        if packet:
            self.packets.put(line.removeprefix("Received "))

    def _wait_for(self, name: str):
        """The value of that event; earlier events of other names are passed over."""
        while True:
            event, value = self._events.get(timeout=PATIENCE_SECONDS)
            if event == name:
                return value
