"""The stories of docs/watching.md go as they are printed there."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from story import Shell, Story, plain, read

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "watching.md"
STORIES = read(DOCUMENT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder of its own, in which `castmq` and `python3` are those under test."""
    binary = os.environ.get("CASTMQ_BIN")
    if binary is None:
        pytest.skip("the stories start a broker of their own: CASTMQ_BIN says which")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "castmq").symlink_to(Path(binary).resolve())
    (programs / "python3").symlink_to(sys.executable)
    port, admin = free_port(), free_port()
    shell = Shell(
        tmp_path,
        {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "COLUMNS": "100",
            "MQTT_PORT": str(port),
            "CASTMQ__LISTENER__0__ADDRESS": f"127.0.0.1:{port}",
            "CASTMQ__ADMIN__ADDRESS": f"127.0.0.1:{admin}",
            "CASTMQ_ADMIN_URL": f"http://127.0.0.1:{admin}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
    )
    yield shell
    shell.end()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize("story", STORIES[1:], ids=lambda story: story.title)
def test_the_story_goes_as_it_is_printed(story: Story, shell: Shell) -> None:
    first = STORIES[0]
    for name, text in {**first.files, **story.files}.items():
        (shell.folder / name).write_text(text, encoding="utf-8")
    for step in [*first.steps, *story.steps]:
        printed = shell.run(step.command)
        assert plain(printed) == plain(step.output), "\n".join([f"$ {step.command}", *printed])
