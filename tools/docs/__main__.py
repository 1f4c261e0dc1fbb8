"""`python -m tools.docs`: write all generated pages, and remove those no longer needed."""

from __future__ import annotations

import sys

from tools.docs import ROOT, generated, stale


def main() -> None:
    """Write the pages that differ, and print their names."""
    gone = stale()
    for path in gone:
        path.unlink()
    changed = []
    for name, text in generated().items():
        path = ROOT / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    lines = [*changed, *(f"{path.relative_to(ROOT)} (removed)" for path in gone)]
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "All generated pages are current.\n")


if __name__ == "__main__":
    main()
