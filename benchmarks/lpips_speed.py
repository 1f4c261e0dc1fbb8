"""Speed of LPIPS: this project's implementation against the `lpips` package.

The package gets prepared tensors, one pair at a time, with gradients, as its users call it. Ours
gets 8-bit images as in a run: one sample at a time, with all images inpainted into one original
together. Both alternate, so that other load affects both; medians are reported.
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
    """Return `lpips.LPIPS(net=...)` with the installed backbone."""
    warnings.simplefilter("ignore")
    import lpips

    network: torch.nn.Module = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    trunk = network.get_submodule("net")
    state = load_backbone(METRICS[net].backbone)
    names = trunk.state_dict()  # slices of torchvision's `features`
    trunk.load_state_dict({name: state[f"features.{name.split('.', 1)[1]}"] for name in names})
    return network


def case_of(image: Images, filled: Images) -> Case:
    """Return one sample as a run measures it."""
    mask = np.zeros((1, *image.shape[:2]), dtype=bool)
    return Case(image=image[None], mask=mask, truth=mask, filled=filled[None])


def draw(side: int, count: int) -> tuple[Images, Sequence[Images]]:
    """Return an original and inpainted versions of it: an image, blurred more and more."""
    from skimage import data
    from skimage.filters import gaussian

    image = np.ascontiguousarray(data.astronaut()[:side, :side])
    blurred = (gaussian(image, 1 + at, channel_axis=2, preserve_range=True) for at in range(count))
    return image, [one.round().astype(np.uint8) for one in blurred]


def tensor(image: Images) -> torch.Tensor:
    """Convert to (1, 3, H, W) in [-1, 1], the input of the package."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1


def milliseconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return the wall-clock and CPU milliseconds of a call."""
    start, used = time.perf_counter(), time.process_time()
    call()
    return 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - used)


def compare(net: str, side: int, painted: int, rounds: int) -> list[str]:
    """Return milliseconds per distance of both and their ratio, the same in CPU time, and the
    largest difference of the numbers.
    """
    package, kind = the_package(net), METRICS[net]
    original, filled = draw(side, painted)
    pairs = [(tensor(one), tensor(original)) for one in filled]
    cases = [case_of(original, one) for one in filled]

    def theirs() -> list[float]:
        return [float(package(*pair).detach()) for pair in pairs]

    def ours() -> list[float]:
        metric = kind()  # without the cache of the last round
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
    """Print a table by number of threads and of images inpainted into one original."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=METRICS, default="alex")
    parser.add_argument("--side", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", default="1,2", help="comma-separated numbers of torch threads")
    parser.add_argument(
        "--painted", default="1,3,7,21", help="comma-separated numbers of images per original"
    )
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
