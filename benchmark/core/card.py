"""What is known about a model without loading it: its card, read from the source as data."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from pydantic import TypeAdapter

from benchmark.core.errors import BenchError
from benchmark.core.external.imports import module_file

ALGORITHMS = {"md5": "MD5", "sha256": "SHA-256"}  # of archives, by the name `hashlib` has for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One file that a model's authors publish.

    Attributes:
        file: its name, and the name under which it is installed.
        url: where it can be fetched, or "" where nobody publishes it.
        source: where the authors publish it, for a reader.
        licence: the terms of the weights, in a line.
        sha256: published or verified SHA-256 of the file, in full or its first digits where no more
            is published, or "".
        git_blob: id of the file, or of its Git LFS pointer, in the Git repository that publishes
            it, or "".
        size: bytes of the file, or 0 where nobody states them.
        archive: checksum of the archive at `url` that holds the file, as "md5:..." or "sha256:...",
            or "" where `url` is the file itself.
        member: end of the file's path inside that archive, or "".
    """

    file: str
    url: str = ""
    source: str = ""
    licence: str = ""
    sha256: str = ""
    git_blob: str = ""
    size: int = 0
    archive: str = ""
    member: str = ""

    @property
    def checksum(self) -> str:
        """How the file can be verified, for a reader: "" where no checksum is published."""
        kinds = {
            "SHA-256": len(self.sha256) == 64,
            "SHA-256, first digits": bool(self.sha256) and len(self.sha256) < 64,
            "Git blob id": bool(self.git_blob),
            f"{ALGORITHMS.get(self.archive.partition(':')[0])} of its archive": bool(self.archive),
        }
        return ", ".join(kind for kind, known in kinds.items() if known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known about a model: written as literals beside its code, read without importing it.

    Attributes:
        name: its name on the command line.
        title: its name in tables.
        paper: address of its paper, or "".
        licence: the terms of its authors' code; ours is written from facts and carries our own.
        reported: its name in the paper's tables, or "" where the paper does not have it.
        checkpoints: the files its authors publish, in their own layout; all are needed.
        mini: "package:path" of the weights this project trains, where it ships them; "" for none.
        own_weights: it needs a file of weights that the user names, as none are listed here.
        learner: "module:Class" that trains it, see `benchmark.training.learner`; "" where 'bench
            train' does not.
        parameters: numbers that training sets in the network that answers, at its official sizes,
            all its files together, buffers not counted; 0 for what is no network.
        multiply_adds: multiply-adds of one answer to an image of 256x256 at the official sizes:
            half of what torch's FlopCounterMode finds in this project's network. It counts
            convolutions and matrix products (attention too) as they are run here, and neither
            Fourier transforms nor normalisation, activation, pooling and resizing. A product that
            the authors' program makes and ours need not make is not in it.
        sizes: which sizes its authors' program takes, and what is done here with others.
        multiple: height and width are extended by reflection to a multiple of this.
        min_side: smallest height and width it takes.
        side: of the square images that an inpainter was made for, where its authors' program takes
            no others or squeezes all to it; 0 for any size. `bench inpaint` crops by it.
        seeded: its answer depends on the seed.
        latents: names of the random inputs that `inpaint` takes instead of drawing them.
        rounding: how its authors' program writes 8 bits: "round" or "cut".
        score: what a detector's image-level score means, in a line; "" for an inpainter.
        score_from: "head" where the detector has an image-level answer of its own, "area" where the
            score is the share of the heatmap above 0.5 (a rule of ours, marked with a dagger).
        threshold: score above which the detector calls an image forged.
        paints: False for `original`, whose images are authentic.
        sees_hole: its answer depends on what the image shows inside the hole, as its authors'
            program has it; every table marks it.
        chunk: samples that are best answered together, where a model is slow to start; a run takes
            this many, or its batch size where that is larger.
        finished: its answers are made already, each in a file of its own.
        by_name: its answer to a sample may go by the names of data set, bucket and sample, which
            are in the key then.
        eight_bits: it answers 8-bit images, so that retouching begins after rounding.
        revision: raised whenever the answer to the same input changes.
    """

    name: str
    title: str
    paper: str = ""
    licence: str = ""
    reported: str = ""
    checkpoints: tuple[Checkpoint, ...] = ()
    mini: str = ""
    own_weights: bool = False
    learner: str = ""
    parameters: int = 0
    multiply_adds: int = 0
    sizes: str = ""
    multiple: int = 1
    min_side: int = 1
    side: int = 0
    seeded: bool = False
    latents: tuple[str, ...] = ()
    rounding: Literal["round", "cut"] = "round"
    score: str = ""
    score_from: Literal["head", "area"] = "head"
    threshold: float = 0.5
    paints: bool = True
    sees_hole: bool = False
    chunk: int = 1
    finished: bool = False
    by_name: bool = False
    eight_bits: bool = False
    revision: int = 1

    @property
    def weightless(self) -> bool:
        """Whether the model works without any weights."""
        return not (self.checkpoints or self.mini or self.own_weights)


def card_from(values: Mapping[str, Any]) -> Card:
    """A card from what `dataclasses.asdict` made of it, through JSON; unknown fields are left out.

    Checkpoints and weights are left out too: nobody installs them from a run's record.

    Raises:
        ValueError: if a field has a value of another type.
    """
    known = {one.name for one in fields(Card)} - {"checkpoints", "mini"}
    given = {key: value for key, value in values.items() if key in known}
    return TypeAdapter(Card).validate_python(given)


def read_card(entry: str) -> Card:
    """Read the card of "module:Class" from the module's source, without importing the module.

    Args:
        entry: where the class is; its body holds `card = Card(...)`, written as literals.

    Returns:
        The card.

    Raises:
        BenchError: if the module, the class or its card is not there, or it is not literal.
    """
    module, _, name = entry.partition(":")
    file = module_file(module)
    if file is None:
        raise BenchError(f"there is no module {module!r} to read the card of {name!r} from")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _card_of(node, entry)
    raise BenchError(f"{module} has no class {name!r}")


def _card_of(node: ast.ClassDef, entry: str) -> Card:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            target, value = line.targets[0].id, line.value
        elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            target, value = line.target.id, line.value or ast.Constant(None)
        else:
            continue
        if target == "card":
            card = _literal(value, entry)
            if isinstance(card, Card):
                return card
    raise BenchError(f"{entry} has no `card = Card(...)`")


def _literal(node: ast.expr, entry: str) -> object:
    """Evaluate literals, tuples of them, and calls of Card and Checkpoint with keywords."""
    if isinstance(node, ast.Tuple):
        return tuple(_literal(item, entry) for item in node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        kinds = {"Card": Card, "Checkpoint": Checkpoint}
        if node.func.id in kinds:
            words = {word.arg: _literal(word.value, entry) for word in node.keywords if word.arg}
            return kinds[node.func.id](**words)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise BenchError(f"{entry}: line {node.lineno} of its card is not a literal") from None
