"""A document that tells a story in shell commands: reads it, runs it, and compares what comes out.

What differs from run to run (times, process ids, ports, numbers of messages, claims and flows) is left
out of the comparison, and so is the white space that aligns it. Everything else has to be as it is printed.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_SECONDS = 60
DONE = "the command is done:"
# What goes on in the background, and the file in which it says that it is ready.
BACKGROUND = re.compile(r"^[^(].*> (?P<log>\S+\.log)( 2>&1)? &( \w+=\$!)?$")

# What is not the same each time, and what stands for it.
CHANGING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"<\d+\.\d+\.\d+\.\d+>"), "<PID>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"\d+(\.\d+)? ?(µs|ms|s|min|%|B|KiB|MiB)(?![\w])"), "QUANTITY"),
    (re.compile(r"\b\d{12,}\b"), "NUMBER"),
    (re.compile(r"\b(message|claim|flow|trace|dump) \d+\b"), r"\1 NUMBER"),
    (re.compile(r"^\[\d+\] \d+$"), "JOB"),
    (re.compile(r"[─-]{2,}"), "──"),
    (re.compile(r"\s+"), " "),
]


@dataclass
class Step:
    """A command and what the document says that it prints."""

    command: str
    output: list[str] = field(default_factory=list)


@dataclass
class Story:
    """The files and the steps under one heading."""

    title: str
    files: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def read(document: Path) -> list[Story]:
    """The stories of a document: fenced blocks `python` are files whose first line is `# NAME`, blocks
    `console` are commands behind `$ ` and what they print."""
    stories: list[Story] = []
    block: str | None = None
    lines: list[str] = []
    for line in document.read_text(encoding="utf-8").splitlines():
        if block is not None:
            if line == "```":
                close(stories, block, lines)
                block = None
            else:
                lines.append(line)
        elif line.startswith("```"):
            block, lines = line.removeprefix("```"), []
        elif line.startswith("## "):
            stories.append(Story(line.removeprefix("## ")))
    return [story for story in stories if story.files or story.steps]


def close(stories: list[Story], block: str, lines: list[str]) -> None:
    if block == "python":
        name = lines[0].removeprefix("# ")
        stories[-1].files[name] = "\n".join(lines) + "\n"
    elif block == "console":
        for line in lines:
            if line.startswith("$ "):
                stories[-1].steps.append(Step(line.removeprefix("$ ")))
            else:
                stories[-1].steps[-1].output.append(line)


def write(document: Path, printed: dict[tuple[str, int], list[str]]) -> None:
    """Puts what was printed into the document: by the story's title, and the number of the command in it."""
    lines: list[str] = []
    title, number, is_console = "", 0, False
    for line in document.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title, number = line.removeprefix("## "), 0
        if is_console and line.startswith("$ "):
            lines += [line, *printed.get((title, number), [])]
            number += 1
        elif not is_console or line == "```" or (title, 0) not in printed:
            lines.append(line)
        if line.startswith("```"):
            is_console = line == "```console"
    document.write_text("\n".join(lines) + "\n", encoding="utf-8")


def plain(lines: list[str]) -> list[str]:
    """What has to be the same each time."""
    plain = []
    for line in lines:
        for what, stands in CHANGING:
            line = what.sub(stands, line)
        # What the shell says of a program that was ended.
        if line.strip() and "Terminated" not in line:
            plain.append(line.strip())
    return plain


class Shell:
    """One bash in which a story's commands are typed."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def run(self, command: str) -> list[str]:
        """What a command prints. One that goes on in the background is waited for until it says that it
        is ready, in the file that it writes to."""
        assert self.bash.stdin and self.bash.stdout
        self.bash.stdin.write(f"{command}\necho '{DONE}'\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            if line.rstrip("\n") == DONE:
                break
            lines.append(line.rstrip("\n"))
        started = BACKGROUND.search(command)
        if started:
            self.wait_until_ready(self.folder / started["log"])
        return lines

    def wait_until_ready(self, log: Path) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if log.exists() and "ready" in log.read_text(encoding="utf-8"):
                return
            time.sleep(0.05)
        raise AssertionError(f"{log.name} does not say that it is ready: {log.read_text()}")

    def end(self) -> None:
        """Ends what still runs, and the shell."""
        assert self.bash.stdin
        self.bash.stdin.write("kill -CONT $(jobs -p) 2>/dev/null; kill $(jobs -p) 2>/dev/null; wait\n")
        self.bash.stdin.close()
        self.bash.wait(PATIENCE_SECONDS)
