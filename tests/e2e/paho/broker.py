"""The broker under test: the binary in CASTMQ_BIN, or the one that runs at CASTMQ_E2E_TARGET."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile

READY = re.compile(r"mqtt on (?P<host>\S+):(?P<port>\d+)")
STOP_SECONDS = 30


class Broker:
    """A running broker and the address it listens on."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        target = os.environ.get("CASTMQ_E2E_TARGET")
        if target:
            self.host, port = target.rsplit(":", 1)
        else:
            self.host, port = self._start(os.environ["CASTMQ_BIN"])
        self.port = int(port)

    def _start(self, binary: str) -> tuple[str, str]:
        self.data = tempfile.TemporaryDirectory(prefix="castmq-e2e-")
        self.process = subprocess.Popen(
            [binary, "start", "--listen", "127.0.0.1:0", "--data-dir", self.data.name],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        ready = READY.search(line)
        assert ready, f"the broker did not say where it listens: {line!r}"
        return ready["host"], ready["port"]

    def stop(self) -> None:
        """Ends the broker as an operator does; it has to leave with success."""
        if self.process is None:
            return
        self.process.terminate()
        assert self.process.wait(STOP_SECONDS) == 0
        self.data.cleanup()
