"""Detect secrets in commands and URLs, and keep them out of files and messages.

Plans, records and logs are shared with others. So a command refers to a secret as {env:NAME}, and
its value is inserted from the environment when the program starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

from benchmark.core.errors import BadInput

_WORD = (
    r"tokens?|secrets?|pass|passwords?|passwd|pwd|passphrase|credentials?|api[-_]?keys?"
    r"|access[-_]?keys?|private[-_]?keys?|secret[-_]?keys?|auth(?:orization)?|bearer|keys?"
)
_NAMED = re.compile(rf"(?:.*[^A-Za-z])?(?:{_WORD})(?:[-_]?id)?", re.IGNORECASE)
_ASSIGNED = re.compile(r"(-{0,2}[A-Za-z][A-Za-z0-9_.-]*)[=:](.+)", re.DOTALL)
_PARTS = re.compile(r"[\s;&|]+")
_OPTION = re.compile(r"-{1,2}([A-Za-z][A-Za-z0-9_.-]*)")
_KNOWN = re.compile(  # keys of Amazon, GitHub, Hugging Face, OpenAI, Slack, Google
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|hf_[A-Za-z0-9]{20,}"
    r"|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35}"
)
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_QUESTION = re.compile(rf"[?&]([^=&\s]*(?:{_WORD}|sig|signature)[^=&\s]*)=[^&\s]+", re.IGNORECASE)
_PLACE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_SHORT = 4  # minimum length of a secret value
_NUMBER = re.compile(r"[0-9.]{1,9}")
_HIDDEN = "***"
_HERE = "PWD"  # the shell's current folder, unlike DB_PWD
_PASSED: set[str] = set()  # names given by --env in this process; their values are redacted too


def secret_in(words: Sequence[str]) -> str:
    """Describe what in a command looks like a secret, without its value; "" if nothing does.

    Args:
        words: the words of the command.
    """
    for number, word in enumerate(words):
        if _KNOWN.search(word):
            return "a word that has the form of a key"
        if address := secret_in_address(word):
            return address
        assigned = _ASSIGNED.fullmatch(word)
        if assigned and _is_secret(assigned[1], assigned[2]):
            return f"the value of {assigned[1]}"
        option = _OPTION.fullmatch(word)
        if option and _is_secret(option[1], *words[number + 1 : number + 2]):
            return f"the word behind {word}"
        inner = _PARTS.split(word)  # words of a nested command, as in "sh -c"
        if len(inner) > 1 and (found := secret_in(inner)):
            return found
    return ""


def secret_in_address(text: str) -> str:
    """Describe what in a URL looks like a secret, without its value; "" if nothing does."""
    if _IN_ADDRESS.search(text):
        return "the password in an address"
    found = _QUESTION.search(text)
    return f"the value of {found[1]} in an address" if found else ""


def is_secret_name(name: str) -> bool:
    """Whether a variable or option of this name is assumed to hold a secret."""
    return name != _HERE and _NAMED.fullmatch(name) is not None


def _is_secret(name: str, value: str = "") -> bool:
    if not value or _PLACE.search(value) or value.startswith(("-", "{")) or len(value) < _SHORT:
        return False
    if doubtful := re.fullmatch(r"(?:.*[^A-Za-z])?(keys?|pass)", name, re.IGNORECASE):
        least = 8 if doubtful[1].lower() == "pass" else 16  # not "--key frame" or "--pass 2"
        return len(value) >= least and re.search(r"[0-9]", value) is not None and "/" not in value
    return is_secret_name(name.lstrip("-")) and _NUMBER.fullmatch(value) is None


def refuse_secrets(words: Sequence[str]) -> None:
    """Refuse a command that contains a secret.

    Raises:
        BadInput: with where the secret is, without its value.
    """
    if found := secret_in(words):
        raise BadInput(
            f"cmd: {found} looks like a secret, and plan, record and log would show it: write "
            "{env:NAME} in its place, set NAME in the environment, and give --env NAME"
        )


def register_passed_variables(names: Iterable[str]) -> None:
    """Register the variables that programs get by `--env`, so that their values are redacted.

    Raises:
        BadInput: if one is not set.
    """
    for name in names:
        if name not in os.environ:
            raise BadInput(f"--env {name}: no such variable in the environment")
        _PASSED.add(name)


def withheld_variables(passed: Iterable[str]) -> list[str]:
    """Return the environment variables that look like secrets and are withheld from programs."""
    return sorted(name for name in os.environ if is_secret_name(name) and name not in set(passed))


def program_environment(passed: Iterable[str]) -> dict[str, str]:
    """Return a program's environment: this one without secrets, except those named by `--env`."""
    kept = set(withheld_variables(passed))
    return {name: value for name, value in os.environ.items() if name not in kept}


def fill_placeholders(words: Iterable[str], passed: Iterable[str]) -> list[str]:
    """Replace each {env:NAME} in a command.

    Raises:
        BadInput: if a name is not among `passed`, or not set.
    """
    known = set(passed)

    def value(found: re.Match[str]) -> str:
        if found[1] not in known or found[1] not in os.environ:
            raise BadInput(f"cmd: {found[0]} needs --env {found[1]}, and the variable to be set")
        return os.environ[found[1]]

    return [_PLACE.sub(value, word) for word in words]


def redact_secrets(text: str) -> str:
    """Replace the environment's secrets and passwords in URLs in a text."""
    for value in _values():
        text = text.replace(value, _HIDDEN)
    return _IN_ADDRESS.sub(_HIDDEN, text)


class SecretFilter:
    """Redact the environment's secrets in a stream of bytes, also across chunk boundaries."""

    def __init__(self) -> None:
        self._values = [value.encode() for value in _values()]
        self._keep = max(map(len, self._values), default=1) - 1
        self._rest = b""

    def __call__(self, part: bytes, *, last: bool = False) -> bytes:
        """Return the redacted bytes that are complete; the end of each part waits for the next.

        Args:
            part: next part of the stream.
            last: whether it is the last one.
        """
        text = self._rest + part
        for value in self._values:
            text = text.replace(value, _HIDDEN.encode())
        cut = len(text) if last else max(0, len(text) - self._keep)
        self._rest = text[cut:]
        return text[:cut]


def _values() -> Iterator[str]:
    """Yield the values of known secrets, longest first."""
    names = [name for name in os.environ if is_secret_name(name) or name in _PASSED]
    values = {os.environ[name] for name in names}
    yield from sorted((one for one in values if len(one) >= 2 * _SHORT), key=len, reverse=True)
