"""Masks from a folder: paired with pictures by name, or sorted into buckets and drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.pictures import MOST_PIXELS, named_pictures
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask
from benchmark.core.weights import sha256_of
from benchmark.masks.bucket import Bucket
from benchmark.masks.files import REVISION, MaskFile, Polarity, at_size, read_white, settle_polarity
from benchmark.masks.source import Hole

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What masks have to fit.

    Attributes:
        names: of the pictures, in their order.
        shape_of: height and width of a picture as filed.
        size: side of the square pictures at evaluation size, or None where they keep their own.
        most: pixels; a mask that has more is refused before it is decoded.
    """

    names: Sequence[str]
    shape_of: Callable[[str], Shape]
    size: int | None
    most: int = MOST_PIXELS


class FolderMasks:
    """Masks that lie in a folder, each checked at evaluation size before it is used.

    Args:
        folder: holds the mask files, in folders or not, such as the NVIDIA irregular test set.
        pictures: what they have to fit.
        buckets: which to look for.
        polarity: which colour is the hole.
        by_name: pair each picture with the mask of its name, which must have its proportions; else
            picture i gets mask j of each bucket by a seeded permutation, re-used cyclically, and
            stretched to the picture's size.
        seed: decides the permutation.
        other_bands: whether the folder is known to hold masks for other buckets too, so that a hole
            in no bucket is not worth a note.

    Raises:
        DataError: if the folder cannot be read, looks inverted, or a bucket has no mask.
    """

    def __init__(
        self,
        folder: Path,
        pictures: Pictures,
        buckets: Sequence[Bucket],
        *,
        polarity: Polarity,
        by_name: bool,
        seed: int,
        other_bands: bool = False,
    ) -> None:
        self._folder = folder
        self._pictures = pictures
        self._by_name = by_name
        self._other_bands = other_bands
        self._digests: dict[Path, str] = {}
        self.unused: list[tuple[str, str]] = []
        named = named_pictures(folder)
        if by_name:
            self._refuse_unpaired(named)
            named = {name: named[name] for name in pictures.names}
        files = settle_polarity(self._measured(named), folder, polarity)
        sorted_in = self._sort(files, buckets)
        self._refuse_unreached(sorted_in, files)
        self._chosen = _by_name(named, sorted_in) if by_name else self._drawn(sorted_in, seed)

    def holes(self, sample: str) -> Mapping[str, Hole]:
        """The picture's masks by bucket; none where its mask falls into no bucket."""
        return {
            bucket.label: self._hole(file) for bucket, file in self._chosen.get(sample, {}).items()
        }

    def draw(self, sample: str, bucket: str, shape: Shape) -> Mask:
        """Read the mask and bring it to the picture's size.

        Raises:
            DataError: if at this size it falls out of its bucket, which only a picture that keeps
                its own size can bring about.
        """
        wanted = Bucket.parse(bucket)
        file = self._chosen[sample][wanted]
        picture = self._pictures.shape_of(sample) if self._by_name else None
        mask = at_size(self._white(file.path), shape, picture=picture) ^ file.inverted
        if not wanted.holds(mask):
            raise DataError(
                f"{file.path}: covers {mask.mean():.2%} at {shape[1]}x{shape[0]}, not {bucket} %"
            )
        return mask

    def _measured(self, named: Mapping[str, Path]) -> Iterable[MaskFile]:
        """Every usable file with its white share at evaluation size; the others are noted."""
        side = self._pictures.size
        for name, path in named.items():
            try:
                if side and not self._by_name:
                    changed = path.stat().st_mtime_ns
                    white_share = _white_at(path, changed, side, self._pictures.most)
                    yield MaskFile(path=path, white=white_share)
                    continue
                white = self._white(path)
                picture = self._shape_of(name, white) if self._by_name else None
                size = (side, side) if side else picture or white.shape
                sized = at_size(white, size, picture=picture)
                yield MaskFile(path=path, white=float(sized.mean()))
            except DataError as error:
                self._note(path, str(error).removeprefix(f"{path}: "))

    def _shape_of(self, name: str, white: Mask) -> Shape:
        """The picture's shape; the mask's own where the run will find that it cannot be read."""
        try:
            return self._pictures.shape_of(name)
        except DataError:
            return white.shape[0], white.shape[1]

    def _sort(
        self, files: Iterable[MaskFile], buckets: Sequence[Bucket]
    ) -> dict[Bucket, list[MaskFile]]:
        sorted_in: dict[Bucket, list[MaskFile]] = {bucket: [] for bucket in buckets}
        for file in files:
            percent = round(100 * file.share, 9)  # a share of k / n is exact to far more digits
            fitting = [bucket for bucket in buckets if bucket.low < percent <= bucket.high]
            if file.share in (0, 1):
                self._note(file.path, "empty mask" if file.share == 0 else "full mask")
                continue
            if not fitting and not self._other_bands:
                self._note(file.path, f"its hole of {file.share:.2%} falls into no bucket")
            for bucket in fitting:
                sorted_in[bucket].append(file)
        return sorted_in

    def _refuse_unpaired(self, named: Mapping[str, Path]) -> None:
        missing = [name for name in self._pictures.names if name not in named]
        if missing:
            raise DataError(
                f"{self._folder}: {len(missing)} of {len(self._pictures.names)} pictures have no "
                f"mask of their name here, such as {missing[0]!r}; pair by bucket with "
                "--pairing drawn, or add the masks"
            )

    def _refuse_unreached(
        self, sorted_in: Mapping[Bucket, Sequence[MaskFile]], files: Sequence[MaskFile]
    ) -> None:
        shares = [file.share for file in files]
        has = f"holes of {min(shares):.1%} to {max(shares):.1%}" if shares else "no usable mask"
        first = f"; {self.unused[0][0]}: {self.unused[0][1]}" if self.unused else ""
        for bucket, found in sorted_in.items():
            if not found:
                raise DataError(
                    f"{self._folder}: no mask reaches the bucket {bucket.label}; this folder has "
                    f"{has}{first}; choose buckets with --buckets"
                )

    def _drawn(
        self, sorted_in: Mapping[Bucket, Sequence[MaskFile]], seed: int
    ) -> dict[str, dict[Bucket, MaskFile]]:
        """Give picture i mask i of each bucket's permutation, from the start again at its end."""
        names = self._pictures.names
        chosen: dict[str, dict[Bucket, MaskFile]] = {name: {} for name in names}
        for bucket, files in sorted_in.items():
            draws = {file: seed_of("pair", seed, bucket.label, self._inner(file)) for file in files}
            order = sorted(files, key=draws.__getitem__)
            for row, name in enumerate(names):
                start = row % len(order)
                chosen[name][bucket] = self._fitting(name, bucket, order[start:] + order[:start])
        return chosen

    def _fitting(self, name: str, bucket: Bucket, order: Sequence[MaskFile]) -> MaskFile:
        """The first mask in the bucket at the picture's own size: stretching moves some out."""
        if self._pictures.size:
            return order[0]
        for file in order:
            white = self._white(file.path)
            sized = at_size(white, self._shape_of(name, white), picture=None)
            if bucket.holds(sized ^ file.inverted):
                return file
        return order[0]

    def _white(self, path: Path) -> Mask:
        return read_white(path, self._pictures.most)

    def _inner(self, file: MaskFile) -> str:
        return file.path.relative_to(self._folder).as_posix()

    def _note(self, path: Path, reason: str) -> None:
        self.unused.append((path.relative_to(self._folder).as_posix(), reason))

    def _hole(self, file: MaskFile) -> Hole:
        if file.path not in self._digests:
            self._digests[file.path] = sha256_of(file.path)
        rule = f"inverted {file.inverted} named {self._by_name} size {self._pictures.size}"
        return Hole(name=self._inner(file), digest=f"{self._digests[file.path]} {REVISION} {rule}")


def covers(folder: Path, samples: Iterable[str]) -> bool:
    """Whether a folder has a mask of every picture's name."""
    return set(samples) <= set(named_pictures(folder))


@cache
def _white_at(path: Path, changed: int, side: int, most: int) -> float:
    """The white share of a mask for no picture: a plan's data sets share NVIDIA's 12,000.

    `changed`, when the file was, is there so that a changed file is read anew.
    """
    return float(at_size(read_white(path, most), (side, side), picture=None).mean())


def _by_name(
    named: Mapping[str, Path], sorted_in: Mapping[Bucket, Sequence[MaskFile]]
) -> dict[str, dict[Bucket, MaskFile]]:
    names = {path: name for name, path in named.items()}
    chosen: dict[str, dict[Bucket, MaskFile]] = {name: {} for name in named}
    for bucket, files in sorted_in.items():
        for file in files:
            chosen[names[file.path]][bucket] = file
    return chosen
