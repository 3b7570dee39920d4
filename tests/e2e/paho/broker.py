"""The broker under test: the binary in CASTMQ_BIN, or the one that runs at CASTMQ_E2E_TARGET."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

READY = re.compile(r"mqtt on (?P<host>\S+):(?P<port>\d+)")
ENTRANCE = re.compile(r"\w+ on (?P<place>[^,\s]+)")
STOP_SECONDS = 30
# The listeners, in the order in which the broker names them, and the users of one of them.
SETTINGS = """
[admin]
address = "127.0.0.1:0"

[auth.password_file]
path = "{files}/passwd"

[[listener]]
address = "127.0.0.1:0"

[[listener]]
name = "tls"
address = "127.0.0.1:0"
transport = "tls"
tls = {{ certificate = "{files}/server.crt", key = "{files}/server.key" }}

[[listener]]
name = "certified"
address = "127.0.0.1:0"
transport = "tls"
authentication = ["client_certificate"]
[listener.tls]
certificate = "{files}/server.crt"
key = "{files}/server.key"
client_ca = "{files}/ca.crt"
client_certificate = "required"
user_name = "common_name"

[[listener]]
name = "ws"
address = "127.0.0.1:0"
transport = "ws"

[[listener]]
name = "wss"
address = "127.0.0.1:0"
transport = "wss"
tls = {{ certificate = "{files}/server.crt", key = "{files}/server.key" }}

[[listener]]
name = "users"
address = "127.0.0.1:0"
authentication = ["password_file"]

[[listener]]
name = "unix"
transport = "unix"
unix = {{ path = "{files}/socket" }}
"""
NAMES = ["tcp", "tls", "certified", "ws", "wss", "users", "unix"]
USER, PASSWORD = "alice", "secret"


@dataclass(frozen=True)
class Way:
    """How a client reaches a listener."""

    host: str
    port: int
    transport: str = "tcp"
    authority: Path | None = None


class Broker:
    """A running broker and the address it listens on."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.ways: dict[str, Way] = {}
        target = os.environ.get("CASTMQ_E2E_TARGET")
        if target:
            self.host, port = target.rsplit(":", 1)
        else:
            self.host, port = self._start(os.environ["CASTMQ_BIN"])
        self.port = int(port)

    def _start(self, binary: str) -> tuple[str, str]:
        self.binary = binary
        self.data = tempfile.TemporaryDirectory(prefix="castmq-e2e-")
        self.files = Path(self.data.name)
        subprocess.run(
            [self.binary, "cert", "self-signed", self.files, "--client", "pump"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        settings = self.files / "castmq.toml"
        settings.write_text(SETTINGS.format(files=self.files))
        self.change_users("add", USER, PASSWORD)
        self.process = subprocess.Popen(
            [self.binary, "start", "--config", settings, "--data-dir", self.files / "data"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        ready = READY.search(line)
        assert ready, f"the broker did not say where it listens: {line!r}"
        self._find_ways(ENTRANCE.findall(line))
        return ready["host"], ready["port"]

    def _find_ways(self, places: list[str]) -> None:
        authority = self.files / "ca.crt"
        # The last place is the admin interface's.
        for name, place in zip(NAMES, places[:-1], strict=True):
            if name == "unix":
                # A port is asked for all the same.
                self.ways[name] = Way(place, 1, "unix")
                continue
            _, port = place.rsplit(":", 1)
            self.ways[name] = Way(
                # What the certificate is for.
                "localhost",
                int(port),
                "websockets" if name.startswith("ws") else "tcp",
                None if name in ("tcp", "ws", "users") else authority,
            )

    def change_users(self, how: str, user: str, password: str = "") -> None:
        """Changes the password file as an operator does, and has a running broker read it."""
        subprocess.run(
            [self.binary, "passwd", how, self.files / "passwd", user],
            input=f"{password}\n",
            text=True,
            check=True,
            capture_output=True,
        )
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Ends the broker as an operator does; it has to leave with success."""
        if self.process is None:
            return
        self.process.terminate()
        assert self.process.wait(STOP_SECONDS) == 0
        self.data.cleanup()
