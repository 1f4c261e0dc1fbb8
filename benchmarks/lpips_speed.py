"""Distances per second: this project's LPIPS against the `lpips` package as its users call it.

The package gets pairs of tensors that are ready, one pair at a time, gradients on, as it comes.
Ours gets 8-bit images as a run measures them: one at a time, all that was inpainted into one
original
side by side. Both take turns, so that what else the machine does falls on both; medians count.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.core.backbones import load_backbone
from benchmark.core.types import Case
from benchmark.metrics.perceptual import LPIPS, LPIPSVGG

Images = NDArray[np.uint8]
METRICS = {"alex": LPIPS, "vgg": LPIPSVGG}


def the_package(net: str) -> torch.nn.Module:
    """`lpips.LPIPS(net=...)` with the backbone that is installed here."""
    warnings.simplefilter("ignore")
    import lpips

    network: torch.nn.Module = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    trunk = network.get_submodule("net")
    state = load_backbone(METRICS[net].backbone)
    names = trunk.state_dict()  # it cuts torchvision's `features` into slices
    trunk.load_state_dict({name: state[f"features.{name.split('.', 1)[1]}"] for name in names})
    return network


def case_of(image: Images, filled: Images) -> Case:
    """One sample as a run measures it."""
    mask = np.zeros((1, *image.shape[:2]), dtype=bool)
    return Case(image=image[None], mask=mask, truth=mask, filled=filled[None])


def draw(side: int, count: int) -> tuple[Images, Sequence[Images]]:
    """An original and what was inpainted into it: an image, blurred more and more."""
    from skimage import data
    from skimage.filters import gaussian

    image = np.ascontiguousarray(data.astronaut()[:side, :side])
    blurred = (gaussian(image, 1 + at, channel_axis=2, preserve_range=True) for at in range(count))
    return image, [one.round().astype(np.uint8) for one in blurred]


def tensor(image: Images) -> torch.Tensor:
    """(1, 3, H, W) in [-1, 1], what the package takes."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1


def milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """How long a call takes, and how much of all cores."""
    start, used = time.perf_counter(), time.process_time()
    call()
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - used)


def compare(net: str, side: int, painted: int, rounds: int) -> list[str]:
    """Milliseconds per distance of the package and of ours, their ratio; the same of the cores'
    time; and how far the numbers differ.
    """
    package, kind = the_package(net), METRICS[net]
    original, filled = draw(side, painted)
    pairs = [(tensor(one), tensor(original)) for one in filled]
    cases = [case_of(original, one) for one in filled]

    def theirs() -> list[float]:
        return [float(package(*pair).detach()) for pair in pairs]

    def ours() -> list[float]:
        metric = kind()  # nothing is kept from the round before
        return [float(metric.measure(case)[0, 0]) for case in cases]

    apart = max(abs(a - b) for a, b in zip(theirs(), ours(), strict=True))
    times: tuple[list[tuple[float, float]], ...] = ([], [])
    for number in range(rounds):
        for one in (0, 1) if number % 2 else (1, 0):
            times[one].append(milliseconds((theirs, ours)[one]))
    cells = []
    for clock in (0, 1):
        package_ms, ours_ms = (
            statistics.median(time[clock] for time in measured) / painted for measured in times
        )
        cells += [f"{package_ms:.1f}", f"{ours_ms:.1f}", f"{package_ms / ours_ms:.2f}"]
    return [*cells, f"{apart:.0e}"]


def main() -> None:
    """Print a table: by threads, and by how many images were inpainted into one original."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=METRICS, default="alex")
    parser.add_argument("--side", type=int, default=256, help="of the images, in pixels")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", default="1,2", help="of torch, with commas")
    parser.add_argument("--painted", default="1,3,7,21", help="images of one original")
    words = parser.parse_args()
    heads = ["threads", "painted", "package, ms", "ours, ms", "times"]
    heads += ["package, ms of cores", "ours, ms of cores", "times", "difference"]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for threads in map(int, words.threads.split(",")):
        torch.set_num_threads(threads)
        for painted in map(int, words.painted.split(",")):
            cells = compare(words.net, words.side, painted, words.rounds)
            print(f"| {threads} | {painted} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
