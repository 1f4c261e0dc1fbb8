"""Model cards: metadata of a model, read from its source as data, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import wraps
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

from benchmark.core.errors import BenchError
from benchmark.core.external.imports import module_file

ALGORITHMS = {"md5": "MD5", "sha256": "SHA-256"}  # checksums of archives, by `hashlib`'s name
_RENAMED = {"licence": "license"}  # fields: earlier name, in plugins and JSON files, and name
_EARLIER = {new: old for old, new in _RENAMED.items()}
_TRAINABLE = "trainable"  # earlier field: whether there is a `learner`; ignored in a plugin's card

T = TypeVar("T")


def _accept_earlier_names(kind: type[T]) -> type[T]:
    """Let a dataclass be constructed with the earlier names of its fields too."""
    init = kind.__init__

    @wraps(init)
    def accepting(self: T, **values: object) -> None:
        values.pop(_TRAINABLE, None)
        current = {_RENAMED.get(name, name): value for name, value in values.items()}
        if len(current) < len(values):
            raise TypeError(f"{kind.__name__}: license and licence are the same field")
        init(self, **current)

    kind.__init__ = accepting  # type: ignore[assignment]
    return kind


@_accept_earlier_names
@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A weights file published by a model's authors.

    Attributes:
        file: its name, under which it is installed too.
        url: download address, or "" if it is not published: https://..., a file on Google Drive or
            the folder there that contains it, or "hf://ORG/REPO@COMMIT/FILE" on the hub.
        source: page where the authors publish it, for display.
        license: terms of the weights, in a line.
        sha256: published or verified SHA-256 of the file, in full, or its first digits if no more
            are published, or "".
        git_blob: id of the file, or of its Git LFS pointer, in the Git repository that publishes
            it, or "".
        size: size of the file in bytes, or 0 if unknown.
        archive: checksum of the archive at `url` that holds the file, as "md5:..." or "sha256:...",
            or "" if `url` is the file itself.
        member: end of the file's path inside that archive, or "".
    """

    file: str
    url: str = ""
    source: str = ""
    license: str = ""
    sha256: str = ""
    git_blob: str = ""
    size: int = 0
    archive: str = ""
    member: str = ""

    @property
    def checksum(self) -> str:
        """How the file can be verified, for display; "" if no checksum is published."""
        kinds = {
            "SHA-256": len(self.sha256) == 64,
            "SHA-256, first digits": bool(self.sha256) and len(self.sha256) < 64,
            "Git blob id": bool(self.git_blob),
            f"{ALGORITHMS.get(self.archive.partition(':')[0])} of its archive": bool(self.archive),
        }
        return ", ".join(kind for kind, known in kinds.items() if known)

    @property
    def licence(self) -> str:
        """`license` by its earlier name, for plugins."""
        return self.license


@_accept_earlier_names
@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Metadata of a model: literals in its class, which can be read without importing it.

    Attributes:
        name: name on the command line.
        title: name in tables.
        paper: URL of the paper, or "".
        license: terms of the authors' code; this project's code is independent and has its own.
        reported: name in the paper's tables, or "" if the paper does not have it.
        checkpoints: the authors' published files, in their own layout; all are needed.
        mini: "package:path" of the mini weights that this project trains and ships, or "".
        own_weights: requires a weights file from the user, since none are listed here.
        learner: "module:Class" of its training module, see `benchmark.training.learner`; "" if
            `bench train` does not support it.
        parameters: trainable parameters of the inference network at its official sizes, over all
            files, without buffers; 0 for models without a network.
        multiply_adds: multiply-adds for one image of 256x256 at the official sizes: half of what
            torch's FlopCounterMode counts in this project's network. It counts convolutions and
            matrix products (attention too) as executed here, but neither Fourier transforms nor
            normalization, activation, pooling and resizing. Products that the authors' program
            computes and this one can omit are not included.
        sizes: image sizes that the authors' program accepts, and how others are handled here.
        multiple: height and width are padded by reflection to a multiple of this.
        min_side: smallest accepted height and width.
        side: side of the square images that an inpainter was made for, if its authors' program
            accepts no others or resizes all to it; 0 for any size. `bench inpaint` crops to it.
        seeded: whether the output depends on the seed.
        latents: names of random inputs that can be passed to `inpaint` instead of being sampled.
        rounding: how the authors' program converts to 8 bits: "round" or "cut" (truncate).
        score: meaning of a detector's image-level score, in a line; "" for an inpainter.
        score_from: "head" if the detector predicts an image-level score, "area" if the score is the
            share of the heatmap above 0.5 (this project's rule, marked with a dagger).
        threshold: score above which the detector classifies an image as forged.
        paints: False for `original`, whose images are authentic.
        sees_hole: the output depends on the image inside the hole, as in the authors' program;
            every table marks it.
        chunk: preferred batch size of a model that is slow to start; a run uses this, or its own
            batch size if that is larger.
        finished: the outputs exist already, each in its own file.
        by_name: the output may depend on the names of data set, bucket and sample, which are
            then part of the key.
        eight_bits: the output has 8 bits, so retouching is applied after rounding.
        revision: raised whenever the output for the same input changes.
    """

    name: str
    title: str
    paper: str = ""
    license: str = ""
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
        """Whether the model needs no weights."""
        return not (self.checkpoints or self.mini or self.own_weights)

    @property
    def licence(self) -> str:
        """`license` by its earlier name, for plugins."""
        return self.license

    @property
    def trainable(self) -> bool:
        """Whether `bench train` trains it, by the earlier name of the field."""
        return bool(self.learner)

    def document(self) -> dict[str, Any]:
        """Return the card as plain values for JSON, where earlier keys are kept.

        These are "licence" for `license`, and "trainable" beside `learner`.
        """
        return {**asdict(self, dict_factory=_earlier_keys), _TRAINABLE: self.trainable}


def _earlier_keys(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {_EARLIER.get(name, name): value for name, value in items}


def card_from(values: Mapping[str, Any]) -> Card:
    """Build a card from the JSON values of `Card.document`; unknown fields are ignored.

    Checkpoints and weights are ignored too: they are never installed from a run's record.

    Raises:
        ValueError: if a field has a value of the wrong type.
    """
    known = {one.name for one in fields(Card)} - {"checkpoints", "mini"}
    current = {_RENAMED.get(key, key): value for key, value in values.items()}
    given = {key: value for key, value in current.items() if key in known}
    return TypeAdapter(Card).validate_python(given)


def read_card(entry: str) -> Card:
    """Read a model's card from its module's source, without importing the module.

    Args:
        entry: "module:Class"; the class body has `card = Card(...)` with literal arguments.

    Raises:
        BenchError: if the module, the class or its card is missing, or the card is not literal.
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
