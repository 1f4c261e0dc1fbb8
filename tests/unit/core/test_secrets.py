"""Secrets in commands and URLs: detected, refused without quoting them, and redacted."""

from __future__ import annotations

import shlex

import pytest

from benchmark.core.errors import BadInput
from benchmark.core.secrets import (
    SecretFilter,
    fill_placeholders,
    program_environment,
    redact_secrets,
    refuse_secrets,
    secret_in,
    secret_in_address,
)

VALUE = "s3cr3t-0123456789abcdef"


@pytest.mark.parametrize(
    "command",
    [
        f"python paint.py --token {VALUE} {{images}}",
        f"python paint.py --api-key={VALUE}",
        f"env HF_TOKEN={VALUE} python paint.py",
        f"curl -H 'Authorization: {VALUE}'",
        f"paint --password {VALUE}",
        f"paint --key {VALUE}",
        f"paint --pass {VALUE}",
        f"sh -c 'export HF_TOKEN={VALUE}; exec paint'",
        f"paint https://me:{VALUE}@host/x",
        f"paint 'https://host/x?sig={VALUE}'",
        "paint AKIAIOSFODNN7EXAMPLE",
        "paint hf_abcdefghijklmnopqrstuvwxyz",
    ],
)  # fmt: skip
def test_a_secret_in_a_command_is_refused_and_not_told(command: str) -> None:
    words = shlex.split(command)
    with pytest.raises(BadInput, match=r"looks like a secret.*--env NAME") as caught:
        refuse_secrets(words)
    assert VALUE not in str(caught.value)
    assert "AKIA" not in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        "python paint.py {images} {masks} {out}",
        "python paint.py --token {env:HF_TOKEN}",
        "python paint.py --tokenizer gpt2-large-finetuned --max-tokens 4096",
        "python paint.py --pass second --pass 2 --prompt 'the key: a lake; all of it'",
        "python paint.py --key frame --keep 3 --keyframes data/keys/all-0123456789.csv",
        "docker run -v /data:/data image:1.2 --token --verbose",
        "python /home/me/monkey=business/paint.py",
        "paint https://host:8080/x?size=3",
    ],
)
def test_what_is_no_secret_may_stand(command: str) -> None:
    assert secret_in(shlex.split(command)) == ""


def test_a_program_gets_secrets_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", VALUE)
    monkeypatch.setenv("COLOR", "red")
    assert "MY_TOKEN" not in program_environment(())
    assert program_environment(("MY_TOKEN",))["MY_TOKEN"] == VALUE
    assert program_environment(())["COLOR"] == "red"
    words = ["paint", "--token={env:MY_TOKEN}"]
    assert fill_placeholders(words, ("MY_TOKEN",)) == ["paint", f"--token={VALUE}"]
    with pytest.raises(BadInput, match="needs --env MY_TOKEN"):
        fill_placeholders(words, ())


def test_secrets_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", VALUE)
    assert redact_secrets(f"a {VALUE} b s3://me:pw@bucket/x") == "a *** b s3://***@bucket/x"
    hide = SecretFilter()
    text = f"x {VALUE} y {VALUE}".encode()
    parts = [text[start : start + 5] for start in range(0, len(text), 5)]
    shown = b"".join(hide(part) for part in parts) + hide(b"", last=True)
    assert shown == b"x *** y ***"


def test_an_address_with_a_password() -> None:
    assert secret_in_address(f"s3://me:{VALUE}@bucket/x") == "the password in an address"
    assert secret_in_address("s3://bucket/prefix") == ""


def test_the_current_folder_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shell sets PWD; paths in messages and what programs get would lack it."""
    monkeypatch.setenv("PWD", "/data/runs/today")
    monkeypatch.setenv("DB_PWD", "hunter2hunter2")
    assert redact_secrets("/data/runs/today/out: hunter2hunter2") == "/data/runs/today/out: ***"
    assert program_environment(()).get("PWD") == "/data/runs/today"
