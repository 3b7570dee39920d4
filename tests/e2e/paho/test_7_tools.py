"""The scenarios by hand: mosquitto's command line tools, where they are installed."""

import shutil
import subprocess

import pytest

TIMEOUT_SECONDS = 20
NAMES = {4: "mqttv311", 5: "mqttv5"}

pytestmark = pytest.mark.skipif(
    shutil.which("mosquitto_pub") is None or shutil.which("mosquitto_sub") is None,
    reason="mosquitto_pub and mosquitto_sub are not installed",
)


@pytest.fixture(params=["tcp", "tls", "unix"])
def place(broker, request):
    """What tells a tool where the broker is."""
    if request.param == "tcp":
        return ["-h", broker.host, "-p", str(broker.port)]
    if request.param not in broker.ways:
        pytest.skip("the broker was started by somebody else")
    way = broker.ways[request.param]
    if request.param == "unix":
        return ["--unix", way.host]
    return ["-h", way.host, "-p", str(way.port), "--cafile", str(way.authority)]


@pytest.fixture
def tool(place, version):
    """Runs a tool to its end and returns the lines it printed."""

    def run(name, *arguments):
        command = [name, *place, "-V", NAMES[version]]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture
def publish(tool):
    return lambda *arguments: tool("mosquitto_pub", *arguments)


@pytest.fixture
def print_one(tool):
    """Prints `retain payload` of the first message, as a subscriber that leaves after it."""
    return lambda *arguments: tool(
        "mosquitto_sub", "-C", "1", "-W", "10", "-F", "%r %p", *arguments
    )


def test_mosquitto_sub_prints_the_retained_message(publish, print_one, fresh):
    topic = fresh("test")
    publish("-t", topic, "-m", "hello world", "-r")

    assert print_one("-t", topic) == ["1 hello world"]


def test_mosquitto_sub_prints_the_newest_retained_message(publish, print_one, fresh):
    topic = fresh("test")
    publish("-t", topic, "-m", "hello world", "-r")
    publish("-t", topic, "-m", "hello again", "-r")

    assert print_one("-t", topic) == ["1 hello again"]


def test_mosquitto_sub_with_a_kept_session_prints_what_came_meanwhile(publish, tool, fresh):
    topic, name = fresh("r"), fresh("mosquitto_sub")
    # In 5.0 mosquitto_sub keeps the session only where it says for how long.
    kept = ("-c", "-i", name, "-q", "2", "-t", topic, "-x", "3600")
    tool("mosquitto_sub", *kept, "-E")
    publish("-t", topic, "-m", "at least once", "-q", "1")
    publish("-t", topic, "-m", "exactly once", "-q", "2")

    printed = tool("mosquitto_sub", *kept, "-C", "2", "-W", "10")

    assert printed == ["at least once", "exactly once"]


def test_the_tools_come_in_by_a_certificate(broker, fresh, version):
    if "certified" not in broker.ways:
        pytest.skip("the broker was started by somebody else")
    way = broker.ways["certified"]
    place = ["-h", way.host, "-p", str(way.port), "--cafile", way.authority, "-V", NAMES[version]]
    shown = ["--cert", broker.files / "client.crt", "--key", broker.files / "client.key"]
    publish = ["mosquitto_pub", *place, "-q", "1", "-t", fresh("test"), "-m", "hello world"]

    with_it = subprocess.run([*publish, *shown], timeout=TIMEOUT_SECONDS)
    without = subprocess.run(publish, timeout=TIMEOUT_SECONDS, stderr=subprocess.DEVNULL)

    assert with_it.returncode == 0
    assert without.returncode != 0
