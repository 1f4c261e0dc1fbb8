"""Modules, classes and card fields that plugins import by earlier names."""

from __future__ import annotations

import runpy
import sys

import pytest

from benchmark.core import errors, image_files, images, met, pictures, pixels, tensors
from benchmark.core.card import Card, card_from
from benchmark.core.training_exposure import training_inpainters
from benchmark.runner import execute, settings


def test_earlier_modules_are_the_present_ones() -> None:
    assert pixels.known_mean is tensors.known_mean
    assert pictures.named_pictures is image_files.named_images
    assert pictures.read_picture is images.read_image
    assert met.met_by is training_inpainters
    assert execute.Settings is settings.Settings


def test_the_earlier_program_prints_a_model_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["card", "nowhere.json"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_module("benchmark.training.card", run_name="__main__")
    assert "nowhere.json" in capsys.readouterr().err


def test_earlier_errors_are_the_present_ones() -> None:
    assert errors.BadAnswer is errors.BadOutput
    assert errors.BroughtError is errors.ExternalError
    assert errors.DamagedAnswer is errors.DamagedOutput
    assert errors.KnownMoved is errors.KnownRegionChanged


def test_a_card_of_an_earlier_plugin_may_say_whether_it_is_trainable() -> None:
    card = Card(name="p", title="P", paper="", licence="MIT", revision=1, trainable=True)  # type: ignore[call-arg]
    assert not card.trainable  # no learner here trains it
    assert Card(name="p", title="P", learner="a:B").trainable


def test_json_of_a_card_has_earlier_keys_and_reads_back() -> None:
    card = Card(name="p", title="P", license="MIT", learner="a:B")
    values = card.document()
    assert (values["licence"], values["trainable"], values["learner"]) == ("MIT", True, "a:B")
    assert card_from(values) == card
