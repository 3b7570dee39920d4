"""Scenario 6: a client that falls silent."""

import time

from client import Received, Will


def test_a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive(
    connect, fresh, broker, version
):
    """\\[MQTT3-3.1.2-24\\] \\[MQTT5-3.1.2-22\\] K = 2: after 3 s, at the latest after 3.3 s."""
    topic = fresh("silent")
    monitor = connect(fresh("monitor"))
    monitor.subscribe(topic, qos=1)
    before = time.monotonic()
    silent = connect(fresh("silent"), will=Will(topic, "gone", retain=False), keep_alive=2)
    connected = time.monotonic()

    # Without its loop paho writes nothing any more: no PINGREQ, no DISCONNECT.
    silent.paho.loop_stop()

    assert monitor.next().without_id() == Received("gone", qos=1)
    now = time.monotonic()
    assert now - before >= 3.0
    assert now - connected <= 3.3


def test_a_client_that_keeps_pinging_stays(connect, fresh):
    """K = 1, and paho pings by itself: after the second PINGRESP it is past 1.5 s, and there."""
    topic = fresh("pinging")
    pinging = connect(fresh("pinging"), keep_alive=1)
    pinging.subscribe(topic, qos=1)
    pinging.next_packet("PINGRESP")
    pinging.next_packet("PINGRESP")

    connect(fresh("publisher")).publish(topic, "still there", qos=1)

    assert pinging.next().payload == "still there"
