"""Coverage-guided fuzzing of one parser with atheris; called by fuzz.py."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["benchmark", "PIL"]):
    from tests.fuzz.guard import read
    from tests.fuzz.targets import targets


def main() -> None:
    """Run parser NAME on a number of inputs; atheris ends the process, with its own status."""
    name, runs = sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    target = next(one for one in targets(folder / "made") if one.name == name)
    corpus, place = folder / "corpus", folder / "place"
    corpus.mkdir()
    place.mkdir()
    for number, content in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(content)

    def feed(content: bytes) -> None:
        read(target, content, place)

    options = [
        f"-runs={runs}",
        "-rss_limit_mb=0",
        "-max_len=4096",
        f"-artifact_prefix={folder}/",
        str(corpus),
    ]
    atheris.ResolvedPlan([sys.argv[0], *options], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
