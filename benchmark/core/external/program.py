"""External programs: parse the command, run it within a time limit, log its output."""

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

GRACE = 5.0  # seconds between SIGTERM and SIGKILL in `core.external.supervise`
CHUNK = 32  # images per call: most programs need seconds to load their network
MOST_PRINTED = 8 * 2**20  # bytes of output per call that are logged
MOST_LOGGED = 64 * 2**20  # bytes of a log; nothing is added to a longer one
SHOWN = 300  # characters of a program's last line that a failure message quotes
_TAIL = 1 << 14  # last bytes of the output, in which the last line is searched
# Without process groups (Windows) the program is not supervised.
_SUPERVISED = (
    (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervise.py")))
    if os.name == "posix"
    else ()
)
_CUT = b"\n[cut: the program printed more]\n"
_RUNNING: set[subprocess.Popen[bytes]] = set()  # running programs of this process
_OPTION = re.compile(r"([a-z]+)=(.*)", re.DOTALL)


class ProgramFailed(Exception):  # noqa: N818 (reads as a phrase)
    """A program failed; the message says how, with the last line that it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command with placeholders, such as "python test.py --in {images} --out {out}".

    Attributes:
        words: the words of the command; it is run without a shell.
        options: options before the command, such as "size=512".
    """

    words: tuple[str, ...]
    options: Mapping[str, str]

    def takes(self, place: str) -> bool:
        """Whether the command has the placeholder "{place}"."""
        return any(f"{{{place}}}" in word for word in self.words)

    def placed(self, **places: Path) -> list[str]:
        """Return the command with its placeholders replaced by folders."""
        words = list(self.words)
        for name, path in places.items():
            words = [word.replace(f"{{{name}}}", str(path)) for word in words]
        return words

    def digest(self) -> str:
        """Return what identifies the program: its command, and hashes of files and folders in it.

        A parent of the current folder is not hashed: it contains more than the program.
        """
        parts = [shlex.join(f"{name}={value}" for name, value in self.options.items())]
        for word in self.words:
            parts.append(word)
            for text in {word, word.partition("=")[2]} - {""}:
                path = Path(text)
                with suppress(OSError):
                    if path.is_file() or (path.is_dir() and not _around(path)):
                        parts.append(digest_of(path))
        return "\x1f".join(parts)


def _around(folder: Path) -> bool:
    return Path.cwd().is_relative_to(folder.resolve())


def parse_program(command: str, *, places: Sequence[str], options: Mapping[str, str]) -> Program:
    """Parse "[OPTION=VALUE ...] PROGRAM WORD ...".

    Args:
        command: the command, quoted as for a shell.
        places: required placeholders, such as "images" for "{images}".
        options: known options and their defaults.

    Raises:
        BadInput: if it cannot be parsed, has an unknown option, lacks a placeholder, or the program
            is not on this machine.
    """
    refuse_secrets(command.split())  # before a message quotes the command
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
    """Run a program; no process that it starts outlives this call or this process.

    Args:
        words: the command.
        limit: time limit in seconds.
        log: file to which its output is appended, up to `MOST_PRINTED` bytes, with secrets
            redacted.
        env: environment variables that it gets although they look like secrets.

    Raises:
        ProgramFailed: if it cannot be started, its exit status is not 0, or it exceeds the time
            limit; with the last line that it printed.
        OSError: if the log cannot be written.
    """
    with log.open("ab") as file:
        printed = _Printed(file)
        printed.write(f"$ {shlex.join(words)}\n".encode())
        try:
            process = subprocess.Popen(  # noqa: S603 (the user's own program, without a shell)
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
        finally:  # on Ctrl-C too, so that the program does not outlive the run
            _end(process)
            _RUNNING.discard(process)
            reader.join(GRACE)
    if failed:
        raise ProgramFailed(f"{failed}{printed.last}")
    if printed.error is not None:
        raise printed.error


def end_programs() -> None:
    """Terminate this process's programs; for a process that exits without cleanup."""
    for process in list(_RUNNING):
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Terminate a program through `supervise`, which ends all its processes, and wait for it."""
    try:
        if process.poll() is None:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(2 * GRACE + 1)
    finally:  # even if a second Ctrl-C interrupts the wait
        process.kill()
        process.wait()


class _Printed:
    """A program's output: its beginning goes to a log, its end is kept for messages.

    Args:
        log: a file open for appending.
    """

    def __init__(self, log: IO[bytes]) -> None:
        self._log = log
        self._room = min(MOST_PRINTED, max(0, MOST_LOGGED - log.tell()))
        self._tail = b""
        self.error: OSError | None = None

    def write(self, text: bytes) -> None:
        """Append to the log, and mark once where it is truncated; keep an error for the end."""
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
        """Read a program's output until it, or its last child, closes the pipe."""
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
        """The last line of the output, for a message."""
        lines = self._tail.decode(errors="replace").replace("\r", "\n").splitlines()
        printed = [line.strip() for line in lines if line.strip()]
        return f": {printed[-1][:SHOWN]}" if printed else ", and it printed nothing"
