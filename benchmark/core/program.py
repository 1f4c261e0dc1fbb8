"""A program in its own world: the command that names it, and running it within a time limit."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import BadInput
from benchmark.core.outside import digest_of

CHUNK = 32  # pictures a program gets at once: most need seconds to load their network
GRACE = 5.0  # seconds between asking a program to end and ending it
SHOWN = 300  # characters of a program's last line that a failure quotes
_RUNNING: set[subprocess.Popen[bytes]] = set()  # in this process
_OPTION = re.compile(r"([a-z]+)=(.*)", re.DOTALL)


class ProgramFailed(Exception):  # noqa: N818 (it is what happened)
    """A program did not end well; the message says how, with the last line it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command with places for folders, such as "python test.py --in {images} --out {out}".

    Attributes:
        words: the command, word by word; no shell reads it.
        options: what stands before it, as "size=512".
    """

    words: tuple[str, ...]
    options: Mapping[str, str]

    def takes(self, place: str) -> bool:
        """Whether the command has "{place}"."""
        return any(f"{{{place}}}" in word for word in self.words)

    def placed(self, **places: Path) -> list[str]:
        """The command with each "{place}" replaced."""
        words = list(self.words)
        for name, path in places.items():
            words = [word.replace(f"{{{name}}}", str(path)) for word in words]
        return words

    def digest(self) -> str:
        """All of the program that can be seen: its command and the files and folders it names.

        A folder that holds the current one is left out: it holds more than the program.
        """
        told = [shlex.join(f"{name}={value}" for name, value in self.options.items())]
        for word in self.words:
            told.append(word)
            for text in {word, word.partition("=")[2]} - {""}:
                path = Path(text)
                with suppress(OSError):
                    if path.is_file() or (path.is_dir() and not _around(path)):
                        told.append(digest_of(path))
        return "\x1f".join(told)


def _around(folder: Path) -> bool:
    return Path.cwd().is_relative_to(folder.resolve())


def parse_program(command: str, *, places: Sequence[str], options: Mapping[str, str]) -> Program:
    """Read "[OPTION=VALUE ...] PROGRAM WORD ...".

    Args:
        command: the command, quoted as for a shell.
        places: what it must have, such as "images" for "{images}".
        options: known options and what they are by default.

    Raises:
        BadInput: if it cannot be read, has an unknown option, lacks a place, or there is no such
            program on this machine.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BadInput(f"cmd: {command!r}: {error}") from None
    given = dict(options)
    while words and (option := _OPTION.fullmatch(words[0])):
        name, value = option.groups()
        if name not in options:
            raise BadInput(f"cmd: unknown option {name!r}. Known: {', '.join(sorted(options))}.")
        given[name] = value
        words.pop(0)
    program = Program(words=tuple(words), options=given)
    missing = [place for place in places if not program.takes(place)]
    if not words or missing:
        wanted = " ".join(f"{{{place}}}" for place in missing or places)
        raise BadInput(f"cmd: {command!r}: expected a program's command with {wanted}")
    if shutil.which(words[0]) is None:
        raise BadInput(f"cmd: no program {words[0]!r} on this machine")
    return program


def run_program(words: Sequence[str], *, limit: float, log: Path) -> None:
    """Run a program and what it starts in a process group of its own; all ends with it.

    Args:
        words: the command.
        limit: seconds it may take.
        log: file to which all that it prints is added.

    Raises:
        ProgramFailed: if it cannot start, ends with another status than 0, or is stopped at the
            limit; the message has the last line that it printed.
    """
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(words)}\n".encode())
        file.flush()
        start = file.tell()
        try:
            process = subprocess.Popen(  # noqa: S603 (the user's own program, and no shell)
                words,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramFailed(f"cannot be started ({error.strerror})") from None
        _RUNNING.add(process)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            _end(process)
            raise ProgramFailed(
                f"stopped at the time limit of {limit:g} s (--cmd-timeout){_last(log, start)}"
            ) from None
        except BaseException:  # Ctrl-C: nothing of the program outlives the run
            _end(process)
            raise
        finally:
            _RUNNING.discard(process)
    if status != 0:
        raise ProgramFailed(f"exit status {status}{_last(log, start)}")


def end_programs() -> None:
    """End the programs that run in this process, for it is about to end without a word."""
    for process in list(_RUNNING):
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program's whole group: ask, wait a little, then do."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    finally:  # even if a second Ctrl-C cuts the waiting short
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").replace("\r", "\n").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1][:SHOWN]}" if said else ", and it printed nothing"
