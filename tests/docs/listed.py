"""The list of commands in README and docs that tests do not run, each with its reason."""

from __future__ import annotations

NOT_RUN: dict[str, tuple[str, ...]] = {
    "it installs this project (.ci/run does so)": (
        "make ",
        "python3 -m venv ",
        ".venv/bin/pip install ",
        "pip install ",
        ".venv/bin/bench ",
    ),
    "a network is needed": ("bench weights fetch ", "bench run ... --store s3:"),
    "a file is needed that may not be passed on": ("bench weights add ", "bench run --weights "),
    "the paper's data sets are needed": (
        "bench run paper ",
        "exec bench run paper ",
        "bench run table3 --data-root ",
        "bench train aotgan+rwsa --recipe paper ",
        "bench train lama --recipe paper ",
        "bench merge results shards/",
    ),
    "it is run with all that ships (tests/cli/test_verify.py does so)": (
        "bench verify safepaint trufor",
    ),
    "a process of its own is needed (tests/unit/runner/test_machine.py has one)": (
        "bench run --inpainter safepaint --detector trufor --reproducible",
    ),
    "it runs the mini weights for half an hour": ("python -m tools.board",),
    "a GPU is needed": ("bench train --edition mini --jobs 4 ",),
    "a Ray cluster is needed (tests/cli/test_executors.py has one)": ("ray start ",),
    "an engine is needed (tests/unit/core/engines has tests of both)": (
        "bench run --inpainter safepaint --detector trufor --engine ",
        "bench run --inpainter telea,original --detector trufor,psccnet --engine ",
        "bench detect photos --detector psccnet --engine ",
    ),
    "reference outputs are needed (tests/cli/test_verify.py has some)": (
        "bench verify lama --goldens ",
    ),
    "it fails, as its page says (tests/docs/test_pull_requests.py runs it)": (
        "bench compare baseline now ",
    ),
    "another collection is needed (docs/others.md)": (
        "bench run --inpainter 'iopaint=cmd:",
        "bench run --inpainter 'sd=diffusers:",
        "bench run --inpainter 'diffusers:",
        "bench run --inpainter iopaint:",
        "bench run --inpainter spandrel:",
        "bench run --inpainter safepaint --detector photoholmes:",
        "bench run --inpainter safepaint --detector catnet=photoholmes:",
        "bench run --images photos --inpainter 'sd=diffusers:",
        "photoholmes download_weights ",
        "bench run --inpainter safepaint --detector 'mvss=imdlbenco:",
        "bench show iopaint:",
        'python -c "from iopaint.',
    ),
}

# Run with --slow, and looked at without.
SLOW = (
    "bench verify",
    "bench run classics --out classics",
    (
        "bench run classics --images photos --limit 12 --retouch none --inpainter telea,"
        "navierstokes,criminisi,patchmatch,aotgan,lama,safepaint,meanfill,original "
        "--detector laplacian,block-similarity --out classics12"
    ),
    "python -m tools.classics classics12",
    "python -m tools.classics classics",
    "bench run controls",
    "bench run mini",
    "bench run splice --out splice",
    "bench run splice --images photos --limit 12 --composite splice,none --metrics auc,f1,acc",
    "bench report splice",
    "bench run mini --out mini",
    "bench table all --run mini --intervals --format md",
    "bench run table3 --dataset samples",
    "bench train --edition mini --data photographs --out trained",
    "bench train --edition mini --only safepaint,trufor --data photographs --out trained",
)


# The examples of the help: the command line has to understand them, other pages run their like.
UNDERSTOOD = ("docs/reference/cli.md",)


def why_not_run(command: str) -> str:
    """Why a command is not run, or ""."""
    for reason, beginnings in NOT_RUN.items():
        if command.startswith(beginnings):
            return reason
    return ""
