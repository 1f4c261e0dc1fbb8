"""Jobs: what an inpainting changes."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.runner.single_jobs import CARD, inpaint_job, resolved


def test_inpainting_and_retouching_change_the_image() -> None:
    keeps = resolved(replace(CARD, paints=False))
    assert inpaint_job(resolved()).changes_image
    assert not inpaint_job(keeps).changes_image
    assert inpaint_job(keeps, treatment="blur:1").changes_image
