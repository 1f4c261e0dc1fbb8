"""`prove`: honest bundles hold, forged numbers are found, and the rest is marked."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from benchmark.bundle import open_run, proof_of, prove, submit
from benchmark.bundle.proof import Proof
from benchmark.results.run_folder import read_run
from benchmark.results.store_location import store_of
from benchmark.store.store import Store
from benchmarks.bundle_faults import FAULTS
from benchmarks.bundle_file import CARDS, RECORD, RESULTS, SAMPLES, Bundle
from benchmarks.bundles import forge, is_found
from tests.docs.world import write_forgeries


def kinds(proof: Proof) -> dict[str, int]:
    return {kind: count for kind, count in proof.kinds.items() if count}


def marks(proof: Proof, run: Path) -> dict[tuple[str, str], str]:
    """The mark of each metric and detector; one of its results stands for all."""
    rows = read_run(run).results
    return {
        (row.metric, row.detector): mark.kind
        for row, mark in zip(rows, proof.marks, strict=True)
        if mark.kind
    }


def test_an_honest_bundle_is_recomputed(bundle: Path, made: Path) -> None:
    proof = prove(bundle, count=1000)
    assert proof.holds, list(proof.lines())
    assert proof.detections["tried"] == proof.detections["agreed"] == 18
    assert proof.images["tried"] == proof.images["agreed"] == 12
    assert (proof.samples, proof.enclosed) == (6, 6)
    assert proof.numbers["scored"] == proof.numbers["all"]
    found = marks(proof, made / "run")
    assert found.pop(("psnr", "")) == "scored again"  # no detector is in it
    assert set(found.values()) == {"recomputed"}


def test_without_images_quality_is_only_consistent(made: Path, tmp_path: Path) -> None:
    path = submit(made / "run", tmp_path / "maps.zip").path
    proof = prove(path)
    assert proof.holds
    found = marks(proof, made / "run")
    assert found["psnr", ""] == "consistent"
    assert found["auc", "flatness"] == found["acc", "flatness"] == "scored again"
    assert "detections are not confirmed: images are not enclosed" in str(proof.notes)


def test_a_part_is_drawn_by_size(bundle: Path, made: Path, tmp_path: Path) -> None:
    limit = bundle.stat().st_size // 2
    done = submit(made / "run", tmp_path / "part.zip", images=True, limit=limit)
    assert 0 < done.enclosed < done.samples
    assert done.size <= limit
    proof = prove(done.path, count=0)
    assert proof.holds
    assert proof.enclosed == done.enclosed
    scored = [one for one in proof.marks if one.scored]
    assert scored
    assert all(one.kind == "consistent" for one in scored if one.scored < one.samples)


def test_samples_that_were_chosen_are_told(made: Path, tmp_path: Path) -> None:
    limit = (made / "bundle.zip").stat().st_size // 2
    part = submit(made / "run", tmp_path / "part.zip", images=True, limit=limit).path
    first, whole = set(Bundle(part).members), Bundle(made / "bundle.zip")
    for name in first - {"manifest.json"}:
        if name.startswith("outputs/"):
            del whole.members[name]  # those that are drawn first
    assert "samples drawn before it are not" in is_found(whole.save(tmp_path / "chosen.zip"))


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[one.__name__ for one in FAULTS])
def test_a_forged_number_is_found(bundle: Path, tmp_path: Path, number: int) -> None:
    forge(bundle, tmp_path / "forged.zip", number, 3)
    assert is_found(tmp_path / "forged.zip", number)


def test_a_contradiction_names_file_row_and_column(bundle: Path, tmp_path: Path) -> None:
    forged = Bundle(bundle)
    rows = forged.rows("run/samples.csv")
    at = next(index for index, row in enumerate(rows[1:], 1) if row[rows[0].index("auc")])
    before = rows[at][rows[0].index("auc")]
    rows[at][rows[0].index("auc")] = "0.123456"
    forged.set_rows("run/samples.csv", rows)
    proof = prove(forged.save(tmp_path / "forged.zip"), count=0)
    found = next(one for one in proof.mismatches if one.column == "auc")
    assert (found.file, found.row, found.stated, found.computed) == (
        "samples.csv", at + 1, "0.123456", before,
    )  # fmt: skip


def test_metrics_of_another_revision_are_not_compared(bundle: Path, tmp_path: Path) -> None:
    other = Bundle(bundle)
    record = other.document(RECORD)
    record["metrics"]["auc"] = "99"
    other.set_document(RECORD, record)
    proof = prove(other.save(tmp_path / "other.zip"), count=0)
    assert proof.holds, list(proof.lines())
    assert "auc: revision 99 of the metric, here" in str(proof.notes)
    with open_run(tmp_path / "other.zip") as folder:
        assert marks(proof, folder)["auc", "flatness"] == "claim"


def test_intervals_of_other_rules_are_claims(bundle: Path, tmp_path: Path) -> None:
    other = Bundle(bundle)
    record, rows = other.document(RECORD), other.rows(RESULTS)
    record["intervals"] = "others"
    other.set_document(RECORD, record)
    for row in rows[1:]:
        row[rows[0].index("low")] = row[rows[0].index("high")] = row[rows[0].index("value")]
    other.set_rows(RESULTS, rows)
    proof = prove(other.save(tmp_path / "other.zip"), count=0)
    assert set(kinds(proof)) == {"claim"}
    assert "intervals: made by the rules of another version" in str(proof.notes)


def test_what_was_trained_on_follows_from_the_weights(bundle: Path, tmp_path: Path) -> None:
    other = Bundle(bundle)
    record = other.document(RECORD)
    record["met"]["flatness"] = ["telea"]
    other.set_document(RECORD, record)
    found = prove(other.save(tmp_path / "other.zip"), count=0).mismatches
    assert ("met.flatness", "telea") in {(one.column, one.stated) for one in found}


def test_an_image_that_counts_twice_is_noted(bundle: Path, tmp_path: Path) -> None:
    other = Bundle(bundle)
    rows = other.rows(SAMPLES)
    at = {name: place for place, name in enumerate(rows[0])}
    one, twin = rows[1], next(row for row in rows[2:] if row[at["sample"]] != rows[1][at["sample"]])
    twin[at["mask_key"]] = one[at["mask_key"]]
    for row in rows[1:]:
        if (row[at["sample"]], row[at["mask_ratio_percent"]]) == (
            twin[at["sample"]], twin[at["mask_ratio_percent"]],
        ):  # fmt: skip
            row[at["mask_key"]] = one[at["mask_key"]]
    other.set_rows(SAMPLES, rows)
    proof = prove(other.save(tmp_path / "other.zip"), count=0)
    assert "samples with image and mask of another one, which count again: 1" in str(proof.notes)
    assert not proof.holds  # the mask is not that of the plan's seed


def test_maps_within_rounding_whose_numbers_are_others(bundle: Path, tmp_path: Path) -> None:
    """Of a map that is nearly constant, any AUC is within rounding of the map."""
    other = Bundle(bundle)
    rows = other.rows(SAMPLES)
    for row in rows[1:]:
        named = dict(zip(rows[0], row, strict=True))
        name, mask = (
            f"outputs/{key[:2]}/{key}{suffix}"
            for key, suffix in ((named["heatmap_key"], ".npy"), (named["mask_key"], ".png"))
        )
        hole = np.asarray(Image.open(io.BytesIO(other.members[mask])).convert("L")) > 127
        logits = np.load(io.BytesIO(other.members[name])).astype(np.float32)
        moved = logits + (0.04 + 0.009 * abs(logits)) * np.where(hole, 1, -1)
        file = io.BytesIO()
        np.save(file, np.where((moved > 0) == (logits > 0), moved, logits).astype(np.float16))
        other.members[name] = file.getvalue()
    proof = prove(other.save(tmp_path / "other.zip"), count=1000)
    assert "the map agrees within rounding, but auc made from it does not" in str(proof.notes)
    assert proof.detections["agreed"] < 18


def test_models_of_another_revision_do_not_run(bundle: Path, tmp_path: Path) -> None:
    other = Bundle(bundle)
    cards = other.document(CARDS)
    cards["detectors"]["flatness"]["card"]["revision"] = 99
    other.set_document(CARDS, cards)
    proof = prove(other.save(tmp_path / "other.zip"), count=4)
    assert "flatness: revision 99 of the model, here 1" in str(proof.notes)
    assert proof.detections["tried"] == 0


def test_a_run_without_store_has_consistent_numbers(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "run", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    record["store"] = "nowhere"
    moved = Bundle(made / "bundle.zip")
    moved.set_document(RECORD, record)
    with ZipFile(moved.save(tmp_path / "x.zip")) as archive:
        (tmp_path / "run" / "record.json").write_bytes(archive.read(RECORD))
    done = submit(tmp_path / "run", tmp_path / "gone.zip")
    assert done.enclosed == 0
    assert "Its store is not here (nowhere)" in str(done.notes)
    proof = prove(done.path)
    assert proof.holds, list(proof.lines())
    assert set(kinds(proof)) == {"consistent"}


def test_forgeries_are_scored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark import Plan, run

    monkeypatch.chdir(tmp_path)
    write_forgeries(Path("set"))
    plan = Plan(forgeries="set", detectors="flatness,chance", limit=2)
    run(plan, out="run", store="store")
    proof = prove(submit("run", "bundle.zip").path)
    assert proof.holds, list(proof.lines())
    found = marks(proof, Path("run"))
    assert found["auc", "flatness"] == found["image_auc", "flatness"] == "scored again"
    assert found["image_auc", "chance"] == "consistent"  # a score of its own
    forged = Bundle(Path("bundle.zip"))
    for name in forged.outputs(".npy"):
        forged.members[name] = forged.members[forged.outputs(".npy")[0]]
    assert not prove(forged.save(Path("forged.zip")), count=0).holds


def test_a_folder_has_no_proof_and_a_bundle_opens_as_one(bundle: Path, made: Path) -> None:
    assert proof_of(made / "run") is None
    with open_run(made / "run") as folder:
        assert folder == made / "run"
    with open_run(bundle) as folder:
        run = read_run(folder)
        assert run.title == folder.name == "bundle.zip"
        assert store_of(folder) == folder / "store"
        row = next(one for one in run.samples if one.detector)
        with Store(store_of(folder), read_only=True) as store:
            assert store.heatmap(row.keys.heatmap).shape == (48, 48)
            assert store.image(row.keys.image).shape == (48, 48, 3)
    assert not folder.exists()
    proof = proof_of(bundle)
    assert proof is not None
    assert len(proof.marks) == len(run.results)
