"""Stand-in modules are importable inside the context alone, and replace none afterwards."""

from __future__ import annotations

import json
import sys
from types import ModuleType

from benchmark.verify.stand_ins import stand_in_modules


def test_modules_are_restored_afterwards() -> None:
    absent, present = ModuleType("surely_absent"), ModuleType("json")
    with stand_in_modules({"surely_absent": absent, "json": present}):
        assert sys.modules["surely_absent"] is absent
        assert sys.modules["json"] is present
    assert "surely_absent" not in sys.modules
    assert sys.modules["json"] is json
