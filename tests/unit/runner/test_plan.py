"""Plans: values, files, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark import Plan
from benchmark.core.errors import PlanError, UnknownName
from benchmark.runner.begun_plan import same_plan
from benchmark.runner.plan import make_plan
from benchmark.runner.resolve import resolve_plan


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = make_plan(
        {"inpainters": ["telea"], "weights": {}, "seed": 3, "size": "native",
         "datasets": ["samples", "places2"], "data_root": "data", "launder": ["jpeg:90.0"]}
    )  # fmt: skip
    assert plan.launder == ("jpeg:90",)
    (tmp_path / "plan.toml").write_text(plan.dump())
    assert Plan.load(tmp_path / "plan.toml") == plan


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inpainter": ["telea"]}, "unknown key 'inpainter'. Known: .*inpainters"),
        ({"seed": -1}, "seed: .*got -1"),
        ({"limit": 0}, "limit: "),
        ({"size": 1}, "size: "),
        ({"inpainters": []}, "inpainters: "),
        ({"inpainters": ["telea", "telea"]}, "'telea' is named twice"),
        ({"buckets": ["10-20", "10-20"]}, "'10-20' is named twice"),
        ({"datasets": ["folder"]}, "--images DIR"),
        ({"images": "photos"}, "--images goes with --dataset folder"),
        ({"data_root": "data"}, "--data-root goes with published data sets, not with 'samples'"),
        ({"dataset": "samples"}, "unknown key 'dataset'. Known: .*datasets"),
        ({"datasets": ["samples", "samples"]}, "'samples' is named twice"),
        ({"launder": ["jpeg:90", "jpeg:90.0"]}, "post-processing 'jpeg:90' is named twice"),
        ({"launder": ["gif:90"]}, "no post-processing named 'gif'"),
        ({"launder": ["blur"]}, "expected blur:PIXELS with a sigma"),
        ({"launder": ["blur:1+gif:9"]}, "step 2 of 2 in .* no post-processing named 'gif'"),
        ({"launder": ["blur:1"], "detectors": []}, "--launder needs a detector"),
        ({"weights": {"lama": "x.pth"}}, "weights: 'lama' is none of the models that are used"),
    ],
)
def test_invalid_plans_are_refused_in_one_line(values: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        make_plan(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "near"),
    [
        ({"inpainters": ["safepiant"]}, "no inpainter named 'safepiant'. Did you mean 'safepaint'"),
        ({"detectors": ["trufro"]}, "no detector named 'trufro'. Did you mean 'trufor'"),
        ({"metrics": ["aucc"]}, "no metric named 'aucc'. Did you mean 'auc'"),
        ({"datasets": ["sample"]}, "no data set named 'sample'. Did you mean 'samples'"),
    ],
)
def test_unknown_names_suggest_similar_ones(values: dict[str, object], near: str) -> None:
    with pytest.raises(UnknownName, match=near):
        make_plan(values)


def test_files_that_are_not_a_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        Plan.load(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(PlanError, match="not valid TOML"):
        Plan.load(tmp_path / "bad.toml")


def test_retouching_is_canonical_and_none_alone_is_the_default() -> None:
    assert Plan().retouch == Plan(retouch=("none",)).retouch == ()
    assert Plan() == Plan(retouch=("none",))
    plan = Plan(retouch=("NONE", "grain:1.50", "grain:match"))
    assert plan.retouch == ("none", "grain:1.5", "grain:match")
    assert plan.retouches == ("", "grain:1.5", "grain:match")
    assert Plan().retouches == ("",)
    assert "retouch" not in Plan().dump()
    assert 'retouch = [\n    "none",' in plan.dump()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retouch": ("grit:1",)}, r"no retouching named 'grit'\. Known: grain:SIGMA, grain:match"),
        ({"retouch": ("grain:-1",)}, "from 0.01 to 128 gray levels"),
        ({"retouch": ("grain:1", "grain:1.0")}, "retouching 'grain:1' is named twice"),
        ({"retouch": ("none", "none")}, "retouching 'none' is named twice"),
        (
            {"retouch": ("grain:match",), "buckets": ("99-100",), "size": 32},
            "fewer than 100 pixels at size 32; use grain:SIGMA",
        ),
        (
            {"inpainters": ("telea", "telea+grain-1=outputs:x"), "retouch": ("none", "grain:1")},
            r"file 'telea\+grain-1' is named twice",
        ),
    ],
)
def test_invalid_retouching_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        Plan(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["~nobody/x", "x" * 5000, "a/~"])
def test_unusual_paths_are_kept(tmp_path: Path, place: str) -> None:
    (tmp_path / "plan.toml").write_text(f'datasets = ["folder"]\nimages = "{place}"\n')
    plan = Plan.load(tmp_path / "plan.toml")
    assert plan.images == Path(place)
    assert f'images = "{place}"' in plan.dump()


def test_messages_have_no_text_of_pydantic() -> None:
    with pytest.raises(PlanError, match=r"buckets: bucket 'x': expected a range") as raised:
        Plan(buckets="x")
    assert "Value error" not in str(raised.value)
    assert "got list" not in str(raised.value)


def test_metrics_of_detectors_alone_need_a_detector() -> None:
    plan = Plan(inpainters=("telea",), detectors=(), metrics=("auc", "f1"))
    with pytest.raises(PlanError, match="no detector is named, which auc, f1 would need"):
        resolve_plan(plan)


def test_a_network_s_path_among_the_steps_begins_at_the_plan_s_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("plans", "other"):
        Path(folder).mkdir()
    Path("plans/net.pth").write_bytes(b"")
    steps = '["jpeg:90+spandrel:net.pth", "vae:some/model", "vae:./net"]'
    Path("plans/own.toml").write_text(f"launder = {steps}")
    plan = Plan.load(Path("plans/own.toml"))
    assert plan.launder == ("jpeg:90+spandrel:plans/net.pth", "vae:some/model", "vae:./net")
    assert list(plan.launder_words) == ["jpeg:90+spandrel:net", "vae:model", "vae:net"]
    Path("other/plan.toml").write_text(plan.dump(Path("other")))
    assert Plan.load(Path("other/plan.toml")).launder[:2] == (
        "jpeg:90+spandrel:plans/net.pth",
        "vae:some/model",
    )
    Path("plans/twice.toml").write_text('launder = ["spandrel:a/net.pth", "spandrel:b/net.pth"]')
    with pytest.raises(PlanError, match="post-processing 'spandrel:net' is named twice"):
        Plan.load(Path("plans/twice.toml"))


def test_an_address_of_weights_on_the_hub_is_no_path(tmp_path: Path) -> None:
    address = f"hf://org/repo@{'a' * 40}/a.pth"
    plan = Plan(inpainters="lama", weights={"lama": address})
    (tmp_path / "plan.toml").write_text(plan.dump(tmp_path))
    assert Plan.load(tmp_path / "plan.toml").weights == {"lama": address}
    assert plan.document()["weights"] == {"lama": address}
    assert same_plan(plan, Plan.load(tmp_path / "plan.toml"))
