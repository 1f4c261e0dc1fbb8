"""External models and metrics in worker processes give the same numbers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Bench
from tests.cli.test_external_programs import PAINT, PAINTER
from tests.cli.test_outputs import QUICK, brighter, paint_all
from tests.cli.test_outputs import laid_out as laid_out  # noqa: PLC0414 (a fixture)
from tests.plugins import LOOKER
from tests.plugins import PAINTER as GREY

FILES = ("plan.toml", "results.csv", "samples.csv", "table.md")


def test_what_users_bring_runs_in_worker_processes(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"), brighter)
    Path("greymod.py").write_text(GREY)
    Path("lookmod.py").write_text(LOOKER)
    Path("paint.py").write_text(PAINT)
    words = ("run", "--images", laid_out, *QUICK, "--inpainter", "mine=outputs:painted",
             "--inpainter", f"greymod:Grey,own={PAINTER}", "--detector", "lookmod:Bright",
             "--recomposite", "--batch-size", "2")  # fmt: skip
    for name, more in (("serial", ()), ("workers", ("--executor", "processes", "--workers", 1))):
        result = bench(*words, *more, "--out", name, "--store", f"{name}-store")
        assert result.exit_code == 0, result.output
    records = [json.loads(Path(name, "record.json").read_text()) for name in ("serial", "workers")]
    assert records[1]["executor"] == "processes:1"
    for key in ("brought", "known_pixels", "failures"):
        assert records[0][key] == records[1][key]
    assert records[1]["known_pixels"]["mine"]["moved"] > 0
    assert records[1]["failures"] == []
    for name in FILES:
        assert Path("serial", name).read_bytes() == Path("workers", name).read_bytes()
    assert list(Path("workers/logs").iterdir())


def test_shards_of_finished_images_are_merged(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"), brighter)
    words = ("run", "--images", laid_out, *QUICK, "--inpainter", "mine=outputs:painted,telea")
    assert bench(*words, "--out", "whole", "--store", "whole-store").exit_code == 1  # pixels moved
    for number in (1, 2):
        bench(*words, "--shard", f"{number}/2", "--out", f"s{number}")
    assert bench("merge", "merged", "s1", "s2", "--store", "merged-store").exit_code == 1
    records = [json.loads(Path(name, "record.json").read_text()) for name in ("whole", "merged")]
    for key in ("brought", "known_pixels", "failures"):
        assert records[0][key] == records[1][key]
    assert records[1]["known_pixels"]["mine"]["moved"] == 6
    for name in FILES:
        assert Path("whole", name).read_bytes() == Path("merged", name).read_bytes()
