"""Stand-ins for modules of the authors' programs, so that their classes can be pickled."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def stand_in_modules(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Register modules for the time of the context: pickle imports the classes that it writes.

    Args:
        modules: by name; modules of the same names are restored afterwards.
    """
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
