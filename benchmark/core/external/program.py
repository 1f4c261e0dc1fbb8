"""A program in its own world: the command that names it, and running it within a time limit."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, cast

from benchmark.core.errors import BadInput
from benchmark.core.external.files import digest_of
from benchmark.core.secrets import (
    SecretFilter,
    fill_placeholders,
    program_environment,
    refuse_secrets,
)

GRACE = 5.0  # seconds that `core.supervise` gives a program between asking it to end and ending it
CHUNK = 32  # images a program gets at once: most need seconds to load their network
MOST_PRINTED = 8 * 2**20  # bytes of what one call of a program prints that go into its log
MOST_LOGGED = 64 * 2**20  # bytes of a log; nothing is added to a longer one
SHOWN = 300  # characters of a program's last line that a failure quotes
_TAIL = 1 << 14  # bytes of what it printed last, in which its last line is looked for
# Where there are no process groups (Windows) the program is on its own.
_SUPERVISED = (
    (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervise.py")))
    if os.name == "posix"
    else ()
)
_CUT = b"\n[cut: the program printed more]\n"
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
    refuse_secrets(command.split())  # before a message quotes it
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BadInput(f"cmd: {command!r}: {error}") from None
    refuse_secrets(words)
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


def run_program(words: Sequence[str], *, limit: float, log: Path, env: Sequence[str] = ()) -> None:
    """Run a program; nothing of it, and of what it starts, outlives this call or this process.

    Args:
        words: the command.
        limit: seconds it may take.
        log: file to which what it prints is added, up to `MOST_PRINTED` bytes, without secrets.
        env: variables of the environment that it gets though they look like secrets.

    Raises:
        ProgramFailed: if it cannot start, ends with another status than 0, or is stopped at the
            limit; the message has the last line that it printed.
        OSError: if the log cannot be written.
    """
    with log.open("ab") as file:
        printed = _Printed(file)
        printed.write(f"$ {shlex.join(words)}\n".encode())
        try:
            process = subprocess.Popen(  # noqa: S603 (the user's own program, and no shell)
                [*_SUPERVISED, *fill_placeholders(words, env)],
                env=program_environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramFailed(f"cannot be started ({error.strerror})") from None
        _RUNNING.add(process)
        reader = Thread(target=printed.read, args=(process,), daemon=True)
        reader.start()
        failed = ""
        try:
            status = process.wait(limit)
            failed = f"exit status {status}" if status else ""
        except subprocess.TimeoutExpired:
            failed = f"stopped at the time limit of {limit:g} s (--cmd-timeout)"
        finally:  # Ctrl-C too: nothing of the program outlives the run
            _end(process)
            _RUNNING.discard(process)
            reader.join(GRACE)
    if failed:
        raise ProgramFailed(f"{failed}{printed.last}")
    if printed.error is not None:
        raise printed.error


def end_programs() -> None:
    """End the programs that run in this process, for it is about to end without a word."""
    for process in list(_RUNNING):
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program: ask `core.supervise` to end all of it, and wait until it has."""
    try:
        if process.poll() is None:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(2 * GRACE + 1)
    finally:  # even if a second Ctrl-C cuts the waiting short
        process.kill()
        process.wait()


class _Printed:
    """What a program prints: its beginning in a log, its end for a message, and no more kept.

    Args:
        log: a file open for adding to it.
    """

    def __init__(self, log: IO[bytes]) -> None:
        self._log = log
        self._room = min(MOST_PRINTED, max(0, MOST_LOGGED - log.tell()))
        self._tail = b""
        self.error: OSError | None = None

    def write(self, text: bytes) -> None:
        """Add to the log, and say once where it is cut; a full disk is told at the end."""
        if self._room < 0 or self.error is not None:
            return
        kept = text[: self._room]
        try:
            self._log.write(kept if kept == text else kept + _CUT)
            self._log.flush()
        except OSError as error:
            self.error = error
        self._room = self._room - len(kept) if kept == text else -1

    def read(self, process: subprocess.Popen[bytes]) -> None:
        """Read all that a program prints until it, or its last child, closes its end."""
        pipe, hide = cast("IO[bytes]", process.stdout), SecretFilter()
        with pipe, suppress(OSError, ValueError):
            while text := os.read(pipe.fileno(), 1 << 16):
                self._add(hide(text))
        self._add(hide(b"", last=True))

    def _add(self, text: bytes) -> None:
        self._tail = (self._tail + text)[-_TAIL:]
        self.write(text)

    @property
    def last(self) -> str:
        """The last line, for a message."""
        lines = self._tail.decode(errors="replace").replace("\r", "\n").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:SHOWN]}" if said else ", and it printed nothing"
