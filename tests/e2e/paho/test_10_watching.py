"""The stories of docs/watching.md go as they are printed there.

With CASTMQ_WRITE_STORIES=1 what is printed is written into the document instead, to be read again.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from story import Shell, Story, plain, read, write

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "watching.md"
STORIES = read(DOCUMENT)
WRITES = bool(os.environ.get("CASTMQ_WRITE_STORIES"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def shells(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], AbstractContextManager[Shell]]:
    """Makes shells, each in a folder of its own, in which `castmq` and `python3` are those under test."""
    if "CASTMQ_BIN" not in os.environ:
        pytest.skip("the stories start a broker of their own: CASTMQ_BIN says which")
    return lambda: shell_in(tmp_path_factory.mktemp("story"))


@contextmanager
def shell_in(folder: Path) -> Iterator[Shell]:
    programs = folder / "bin"
    programs.mkdir()
    (programs / "castmq").symlink_to(Path(os.environ["CASTMQ_BIN"]).resolve())
    (programs / "python3").symlink_to(sys.executable)
    port, admin = free_port(), free_port()
    shell = Shell(
        folder,
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
    try:
        yield shell
    finally:
        shell.end()
        shutil.rmtree(folder, ignore_errors=True)


def tell(story: Story, shell: Shell) -> list[tuple[str, list[str], list[str]]]:
    """Each command with what it has printed and what it should have."""
    first = STORIES[0]
    for name, text in {**first.files, **story.files}.items():
        (shell.folder / name).write_text(text, encoding="utf-8")
    for step in first.steps:
        shell.run(step.command)
    return [(step.command, shell.run(step.command), step.output) for step in story.steps]


@pytest.mark.parametrize("story", STORIES[1:], ids=lambda story: story.title)
def test_the_story_goes_as_it_is_printed(
    story: Story, shells: Callable[[], AbstractContextManager[Shell]]
) -> None:
    # What belongs together is told when nothing has happened for a moment, so that on a machine that is
    # busy with other things a part of it may come too late: then the story is told again.
    for left in reversed(range(3)):
        with shells() as shell:
            told = tell(story, shell)
        if WRITES:
            printed = {(story.title, at): told[at][1] for at in range(len(told))}
            return write(DOCUMENT, printed)
        wrong = [(command, out) for command, out, wanted in told if plain(out) != plain(wanted)]
        if not wrong:
            return
        if not left:
            for command, printed, wanted in told:
                assert plain(printed) == plain(wanted), "\n".join([f"$ {command}", *printed])
