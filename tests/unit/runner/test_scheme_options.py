"""Options that a scheme cannot honor are refused before a run begins."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.errors import BadInput, ExternalError, PlanError, VersionWarning
from benchmark.core.external import optional
from benchmark.core.external.optional import importing, warn_of_version
from benchmark.core.external.options import RunOptions
from benchmark.core.registry import _attribute
from detectors import DETECTORS
from inpainters import INPAINTERS

FINISHED = ("outputs", "heatmaps")  # nothing is computed
SCHEMES = [
    pytest.param(target, scheme, id=f"{registry.kind}-{scheme}")
    for registry in (INPAINTERS, DETECTORS)
    for scheme, target in (registry._schemes or {}).items()
]


@pytest.mark.parametrize(("target", "scheme"), SCHEMES)
def test_every_scheme_refuses_a_precision_that_it_cannot_honor(target: str, scheme: str) -> None:
    kind = _attribute(target)
    if scheme in FINISHED:
        kind.check_options("argument", RunOptions(precision="bf16", compiled=True))
        return
    for options, named in (
        (RunOptions(precision="bf16"), "--precision bf16: "),
        (RunOptions(compiled=True), "--compile: "),
        (RunOptions(precision="bf16", compiled=True), "--precision bf16 and --compile: "),
    ):
        with pytest.raises(BadInput, match=named):
            kind.check_options("argument", options)


def test_a_run_with_such_an_option_is_refused_before_it_begins(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.png")
    command = "mine=cmd:python none.py {images} {masks} {out}"
    plan = Plan(
        images=tmp_path, size=32, buckets="10-20", inpainters=(command,), detectors="none",
        metrics="psnr", precision="bf16",
    )  # fmt: skip
    with pytest.raises(PlanError, match=r"^mine: --precision bf16: a program of cmd: chooses"):
        run(plan, out=tmp_path / "out", store=tmp_path / "store")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("target", "scheme"), SCHEMES)
def test_every_collection_warns_of_another_version(
    target: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = _attribute(target)
    collections = {"diffusers", "iopaint", "spandrel", "imdlbenco", "photoholmes"}
    assert bool(kind.libraries) == (scheme in collections)
    monkeypatch.setattr(optional, "version", lambda _: "0.0")
    with pytest.warns(VersionWarning) if kind.libraries else nullcontext([]) as warned:
        kind.check_options("argument", RunOptions())
    assert len(warned) == len(kind.libraries)
    assert all("0.0 is installed, expected" in str(one.message) for one in warned)


def test_another_version_is_said_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "version", lambda _: "0.43.0")
    said = r"diffusers 0\.43\.0 is installed, expected 0\.42\.1"
    with pytest.warns(VersionWarning, match=said):
        warn_of_version("diffusers", expected="0.42.1", how="pip install diffusers")
    warn_of_version("diffusers", expected="0.43.0", how="pip install diffusers")  # no warning
    said = r"diffusers 0\.43\.0 cannot be imported \(expected 0\.42\.1\): .* get it with pip"
    with (
        pytest.raises(ExternalError, match=said),
        importing("diffusers", how="pip install diffusers", expected="0.42.1"),
    ):
        raise AttributeError("no such pipeline")
