"""Extras install one distribution of OpenCV: a second one would overwrite files of the first.

`python -m tools.extras` records what pip resolves for each extra; nothing is downloaded here.
"""

from __future__ import annotations

import json

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmark import doctor
from benchmark.doctor import OPENCV
from tools.extras import RECORD, closure, wanted_by_extra

EXTRAS = sorted(wanted_by_extra())
RECORDED = json.loads(RECORD.read_text(encoding="utf-8"))


def builds_of_opencv(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("opencv-")}


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_record_is_of_this_pyproject(extra: str) -> None:
    assert set(RECORDED) == set(EXTRAS)
    wanted = wanted_by_extra()[extra]
    assert RECORDED[extra]["wanted"] == wanted, "python -m tools.extras records it again"
    here = [Requirement(one) for one in wanted]
    named = {canonicalize_name(one.name) for one in here if not one.marker or one.marker.evaluate()}
    assert named <= set(RECORDED[extra]["installed"])


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_installs_one_opencv(extra: str) -> None:
    wanted = wanted_by_extra()
    recorded = {*RECORDED[""]["installed"], *RECORDED[extra]["installed"]}
    assert builds_of_opencv(recorded) == {OPENCV}
    assert builds_of_opencv(closure([*wanted[""], *wanted[extra]])) == {OPENCV}  # as installed


def test_a_second_opencv_would_be_found() -> None:
    made = {
        "collection": ["imageaugmenter[all]>=1"],
        "imageaugmenter": ["numpy", "OpenCV_python ; extra == 'all'", "no ; extra == 'x'"],
    }
    found = closure(["collection", OPENCV], lambda name: made.get(name, []))
    assert builds_of_opencv(found) == {OPENCV, "opencv-python"}
    assert "no" not in found


def test_doctor_names_a_second_opencv_and_other_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Installed:
        def __init__(self, name: str) -> None:
            self.name = name

    assert doctor._opencv() == []
    both = [Installed(OPENCV), Installed("opencv-python")]
    monkeypatch.setattr(doctor, "distributions", lambda: both)
    (found,) = doctor._opencv()
    assert found.needed
    assert "opencv-python overwrite each other" in found.found
    monkeypatch.setattr(doctor, "version", lambda name: "9.9" if name == "iopaint" else "")
    (other,) = [one for one in doctor._collections() if one.name == "iopaint"]
    assert other.found == "9.9 is installed, expected 1.6.0"
