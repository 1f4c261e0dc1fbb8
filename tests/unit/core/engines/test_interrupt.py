"""Ctrl-C in a block whose code swallows it."""

from __future__ import annotations

import signal

import pytest

from benchmark.core.engines.interrupt import keep_interruptions


def swallow(error: type[Exception] | None) -> None:
    """Press Ctrl-C in code that drops it, or makes another error of it."""
    with keep_interruptions():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if error:
                raise error("a node of the graph") from None


@pytest.mark.parametrize("error", [None, RuntimeError])
def test_an_interruption_that_is_swallowed_is_raised_at_the_end(
    error: type[Exception] | None,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        swallow(error)
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_is_raised_without_one_and_where_it_is_ignored() -> None:
    with keep_interruptions():
        pass
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with keep_interruptions():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
