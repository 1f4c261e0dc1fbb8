"""Lines of `bench run` on standard error."""

from __future__ import annotations

from benchmark.console import failure_lines
from benchmark.runner.outcome import Failure


def failure(sample: str, model: str, launder: str = "crop:9") -> Failure:
    return Failure(
        kind="failed",
        dataset="forgeries",
        sample=sample,
        bucket="",
        launder=launder,
        model=model,
        reason=f"{launder} leaves nothing of the forged region",
    )


def test_what_failed_for_one_reason_is_one_line_an_image() -> None:
    failures = [failure("a", "auc"), failure("a", "f1"), failure("b", "auc")]
    assert list(failure_lines(failures, several=False)) == [
        "failed: a (auc, f1 after crop:9): crop:9 leaves nothing of the forged region",
        "failed: b (auc after crop:9): crop:9 leaves nothing of the forged region",
    ]
    (line,) = failure_lines(failures[2:], several=True)
    assert line.startswith("failed: forgeries b (auc")


def test_of_many_images_with_one_reason_the_others_are_counted() -> None:
    failures = [failure(f"{number:02}", "auc") for number in range(20)]
    lines = list(failure_lines(failures, several=False))
    assert lines[2].startswith("failed: 02 (auc after crop:9): ")
    assert lines[3:] == [
        "failed: 17 more (auc after crop:9): crop:9 leaves nothing of the forged region"
    ]
