"""Seconds per image and peak memory of each model at 256x256, with and without optimizations.

Models without installed weights are measured with random ones at the official size. Each model is
loaded twice, in separate processes: as it is, and without
`benchmark.core.inference.optimize_for_inference`. The two alternate, so that other load affects
both, and the ratio is one of medians. `--against CHECKOUT` adds this repository at another commit:

    git worktree add ../earlier 1351f48
    python benchmarks/models.py --batch 1 --threads 1 --against ../earlier
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

CHILD = """
import importlib, resource, sys, time
kind, name, weights, batch, threads, form = sys.argv[1:]
import torch
if form == "plain":  # before the models import it
    import benchmark.core.inference as speed
    speed.optimize_for_inference = lambda network, device="cpu", **_: network.to(device)
from detectors import create_detector
from inpainters import create_inpainter
torch.set_num_threads(int(threads))
torch.manual_seed(0)
images = torch.rand(int(batch), 3, 256, 256)
masks = torch.zeros(int(batch), 1, 256, 256)
masks[:, :, 64:192, 64:192] = 1
create = create_inpainter if kind == "inpainter" else create_detector
model = create(name, weights=weights or None)
if form in ("bf16", "compile"):
    model.tune(precision="bf16" if form == "bf16" else "exact", compiled=form == "compile")
call = (lambda: model.inpaint(images, masks)) if kind == "inpainter" else (
    lambda: model.detect(images))
for line in sys.stdin:
    start = time.perf_counter()
    call()
    seconds = (time.perf_counter() - start) / len(images)
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
"""

NETWORKS = {  # module, network and sizes of each model that has a network
    "safepaint": ("inpainters.safepaint", "Generator", "SafePaintConfig"),
    "edgeconnect": ("inpainters.edgeconnect", "EdgeConnectNetwork", "EdgeConnectConfig"),
    "madf": ("inpainters.madf", "MADFNetwork", "MADFConfig"),
    "ctsdg": ("inpainters.ctsdg", "Generator", "CTSDGConfig"),
    "aotgan": ("inpainters.aotgan", "Generator", "AOTGANConfig"),
    "lama": ("inpainters.lama", "Generator", "LaMaConfig"),
    "fcf": ("inpainters.fcf", "Generator", "FcFConfig"),
    "psccnet": ("detectors.psccnet", "PSCCNetNetwork", "PSCCNetConfig"),
    "trufor": ("detectors.trufor", "TruForNetwork", "TruForConfig"),
    "iidnet": ("detectors.iidnet", "IIDNetNetwork", "IIDNetConfig"),
}

WRITE = """
import importlib, json, sys
from dataclasses import asdict
import torch
from safetensors.torch import save_file
name, module, network, sizes, path = sys.argv[1:]
torch.manual_seed(0)
module = importlib.import_module(module)
config = getattr(module, sizes)()
state = getattr(module, network)(config).state_dict()
state = {key: value.contiguous() for key, value in state.items()}
noted = {"model": name, "config": asdict(config)}
save_file(state, path, metadata={"bench": json.dumps(noted)})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One model at one batch size, in one form.

    Attributes:
        model: its name.
        batch: batch size.
        form: "fast", as it is loaded; "plain", without `fast`; "bf16" or "compile"; or "against",
            as the other checkout loads it.
        seconds: seconds per image, median of the runs.
        peak: peak memory of the process in MB, including weights and Python.
        ratio: seconds of the plain form divided by these.
    """

    model: str
    batch: int
    form: str
    seconds: float
    peak: float
    ratio: float


class ModelProcess:
    """A process with one model that times a forward pass on request."""

    def __init__(self, arguments: Sequence[str], root: str | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        self.seconds: list[float] = []
        self.peak = 0.0

    def __enter__(self) -> ModelProcess:
        self.turn()
        self.seconds.clear()  # the first pass allocates memory and selects kernels
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def turn(self) -> None:
        """Time one forward pass."""
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise TypeError("the model's process was started without pipes")
        print(file=to, flush=True)
        answer = back.readline().split()
        if not answer:
            raise SystemExit(f"the model's process ended with {self._process.wait()}")
        self.seconds.append(float(answer[0]))
        self.peak = float(answer[1])


@contextmanager
def weights_of(name: str) -> Iterator[str]:
    """Return "" for installed weights, else a file of random ones."""
    from benchmark.listing import editions
    from detectors import DETECTORS
    from inpainters import INPAINTERS

    registry = INPAINTERS if name in INPAINTERS else DETECTORS
    installed = "official" in editions(registry.card(name))
    if name not in NETWORKS or installed:
        yield ""
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "random.safetensors"))
        subprocess.run([sys.executable, "-c", WRITE, name, *NETWORKS[name], path], check=True)
        yield path


def measure(name: str, weights: str, batch: int, options: argparse.Namespace) -> list[Timing]:
    """Time a model's forms alternately."""
    from inpainters import INPAINTERS

    kind = "inpainter" if name in INPAINTERS else "detector"
    forms = ["plain", *options.forms] if name in NETWORKS else ["fast"]
    roots = dict.fromkeys(forms, options.here)
    if options.against:
        roots["against"] = options.against
    with ExitStack() as stack:
        words = [kind, name, weights, str(batch), str(options.threads)]
        children = {
            form: stack.enter_context(ModelProcess([*words, form], root))
            for form, root in roots.items()
        }
        for _ in range(options.runs):
            for child in children.values():
                child.turn()
    medians = {form: statistics.median(child.seconds) for form, child in children.items()}
    return [
        Timing(
            model=name,
            batch=batch,
            form=form,
            seconds=medians[form],
            peak=child.peak,
            ratio=medians[forms[0]] / medians[form],
        )
        for form, child in children.items()
    ]


def main() -> None:
    """Print a table over the registries."""
    from detectors import DETECTORS
    from inpainters import INPAINTERS

    weightless = [
        name
        for registry in (INPAINTERS, DETECTORS)
        for name in registry
        if registry.card(name).weightless
    ]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join([*NETWORKS, *weightless]))
    parser.add_argument("--batch", default="1,8", help="comma-separated batch sizes")
    parser.add_argument("--forms", default="fast", help="comma-separated: fast, bf16, compile")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--against", metavar="CHECKOUT", help="also time another checkout's models")
    parser.add_argument("--json", action="store_true", help="print a list of JSON objects")
    options = parser.parse_args()
    options.here = str(Path(__file__).resolve().parents[1])
    options.forms = options.forms.split(",")
    found = []
    if not options.json:
        print("| model | batch | form | s per image | plain / this | peak MB |")
        print("| --- | --- | --- | --- | --- | --- |")
    for name in options.models.split(","):
        with weights_of(name) as weights:
            for batch in map(int, options.batch.split(",")):
                for row in measure(name, weights, batch, options):
                    found.append(asdict(row))
                    line = f"| {name} | {batch} | {row.form} | {row.seconds:.4f} | "
                    if not options.json:
                        print(f"{line}{row.ratio:.2f} | {row.peak:.0f} |", flush=True)
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
