"""Import layers between packages, and light imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("benchmark", "detectors", "inpainters", "reports")
ALLOWED = {  # a package may import itself and these
    "benchmark.core": (),
    "benchmark.masks": ("benchmark.core",),
    "benchmark.datasets": ("benchmark.core",),
    "benchmark.forgeries": ("benchmark.core", "benchmark.masks", "benchmark.datasets"),
    "benchmark.metrics": ("benchmark.core",),
    "inpainters": ("benchmark.core",),
    "detectors": ("benchmark.core",),
    "benchmark.postprocess": ("benchmark.core",),
    "benchmark.retouch": ("benchmark.core",),
    "benchmark.composite": ("benchmark.core",),
    "benchmark.plans": ("benchmark.core",),
    "benchmark.fetch": ("benchmark.core",),
    "benchmark.store": ("benchmark.core",),
    "benchmark.runner": (
        "benchmark.core", "benchmark.store", "benchmark.postprocess", "benchmark.retouch",
        "benchmark.composite", "benchmark.masks", "benchmark.datasets", "benchmark.forgeries",
        "benchmark.metrics",
        "inpainters", "detectors",
    ),
    "benchmark.executors": ("benchmark.core", "benchmark.store", "benchmark.runner"),
    "benchmark.results": (
        "benchmark.core", "benchmark.datasets", "benchmark.metrics", "benchmark.postprocess",
        "benchmark.retouch", "benchmark.composite", "benchmark.store", "benchmark.runner",
        "inpainters:INPAINTERS",
        "detectors:DETECTORS",
    ),
    "benchmark.bundle": (
        "benchmark.core", "benchmark.datasets", "benchmark.masks", "benchmark.metrics",
        "benchmark.postprocess", "benchmark.store", "benchmark.runner", "benchmark.results",
        "benchmark.recompute", "benchmark.recomputed", "inpainters:INPAINTERS",
        "detectors:DETECTORS",
    ),
    "benchmark.training": (
        "benchmark.core", "benchmark.retouch", "benchmark.masks", "benchmark.datasets",
        "benchmark.forgeries", "benchmark.metrics", "inpainters", "detectors",
    ),
    "benchmark.scaffold": (
        "benchmark.core", "benchmark.datasets", "benchmark.metrics", "benchmark.postprocess",
        "inpainters", "detectors",
    ),
    "benchmark.testing": (
        "benchmark.core", "benchmark.datasets", "benchmark.metrics", "benchmark.postprocess",
        "inpainters", "detectors",
    ),
    "benchmark.single": (
        "benchmark.core", "benchmark.masks", "benchmark.metrics", "benchmark.store",
        "benchmark.runner", "benchmark.results", "benchmark.progress", "inpainters", "detectors",
    ),
    "benchmark.verify": ("benchmark.core", "benchmark.datasets", "inpainters", "detectors"),
    "reports": (
        "benchmark.core", "benchmark.metrics", "benchmark.retouch", "benchmark.runner",
        "benchmark.store", "benchmark.results", "benchmark.bundle",
        "inpainters:INPAINTERS", "detectors:DETECTORS",
    ),
}  # fmt: skip


def imports(file: Path) -> set[str]:
    """Every module of ours that a file imports; "package:NAME" for a name taken from a package."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update(f"{node.module}:{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0].split(":")[0] in OURS}


@pytest.mark.parametrize("package", ALLOWED)
def test_a_layer_imports_only_what_lies_below(package: str) -> None:
    place = ROOT / package.replace(".", "/")
    files = sorted(place.rglob("*.py")) or [place.with_suffix(".py")]
    for file in files:
        for name in imports(file):
            allowed = (package, *ALLOWED[package])
            fits = any(name == one or name.startswith((f"{one}.", f"{one}:")) for one in allowed)
            assert fits, f"{file.relative_to(ROOT)} imports {name}"


def test_only_the_command_line_and_the_body_of_report_import_reports() -> None:
    for package in ("benchmark", "detectors", "inpainters"):
        for file in sorted((ROOT / package).rglob("*.py")):
            found = {
                name for name in imports(file) if name.split(":")[0].split(".")[0] == "reports"
            }
            if file.is_relative_to(ROOT / "benchmark/cli"):
                continue
            if file != ROOT / "benchmark/api.py":
                assert not found, f"{file.relative_to(ROOT)} imports {found}"
                continue
            tree = ast.parse(file.read_text(encoding="utf-8"))
            bodies = [
                node
                for record in tree.body
                if isinstance(record, ast.ClassDef) and record.name == "RunRecord"
                for node in record.body
                if isinstance(node, ast.FunctionDef) and node.name == "report"
            ]
            inside = {
                f"{node.module}:{alias.name}"
                for body in bodies
                for node in ast.walk(body)
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            assert found == inside == {"reports.page.write:write_report"}


@pytest.mark.parametrize(
    "words", [["--help"], ["verify", "--help"], ["list"], ["weights"], ["show", "trufor"]], ids=str
)
def test_commands_that_only_read_load_no_torch(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from benchmark.cli import app\n"
        f"result = CliRunner().invoke(app, {words!r})\n"
        "assert result.exit_code == 0, result.output\n"
        "known = {'torch', 'pandas', 'matplotlib', 'scipy', 'skimage', 'sklearn'}\n"
        "heavy = known & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_no_file_is_a_drawer_for_everything() -> None:
    names = {file.name for package in OURS for file in (ROOT / package).rglob("*.py")}
    assert not names & {"utils.py", "helpers.py", "common.py", "misc.py"}
