"""The worker: run a chunk of jobs, with one model loaded at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmark.core.checkpoints.resolve import refuse_changed
from benchmark.core.errors import WeightsError
from benchmark.core.external.files import ExternalOptions
from benchmark.core.types import Sample
from benchmark.runner.detecting import DetectRunner
from benchmark.runner.inpainting import InpaintRunner
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import DetectJob, InpaintJob, MeasureJob, ResolvedModel
from benchmark.runner.measuring import Measurer
from benchmark.runner.model_calls import ModelCalls
from benchmark.runner.outcome import ChunkResult, Failure
from benchmark.store.encoding import StoredOutput
from detectors import create_detector
from detectors.base import Detector
from inpainters import create_inpainter
from inpainters.base import Inpainter


class Worker:
    """Run chunks of jobs, each of one kind and one model.

    Args:
        loader: loader of the jobs' inputs; outputs are returned, not written.
        device: a torch device such as "cpu".
        batch: samples per batch. With 1 the last bits of an output cannot depend on which other
            samples were missing from the store.
        shrink: whether a batch that does not fit into memory is halved; otherwise it is an error.
        terms: options for external programs and folders.
    """

    def __init__(
        self,
        loader: InputLoader,
        *,
        device: str,
        batch: int,
        shrink: bool = False,
        terms: ExternalOptions | None = None,
    ) -> None:
        terms = terms or ExternalOptions()
        self._loader = loader
        self._models = _Models(device)
        self._calls = ModelCalls(device, batch, shrink=shrink, terms=terms)
        self._inpaint = InpaintRunner(self._models.inpainter, self._calls)
        self._detect = DetectRunner(self._models.detector, self._calls)
        self._measurer = Measurer(terms.logs)

    def load(self, chunk: Chunk) -> Inputs:
        """Decode the inputs of a chunk; may run while another chunk is processed.

        Raises:
            DamagedOutput: if a file of the store is missing or damaged.
        """
        return self._loader.load(chunk)

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        """Run a chunk's jobs, all of one kind and, except for measurements, of one model.

        Args:
            chunk: the jobs.
            inputs: their inputs, from `load`.
        """
        jobs, self._calls.seconds = chunk.jobs, 0.0
        inpaint = [job for job in jobs if isinstance(job, InpaintJob)]
        detect = [job for job in jobs if isinstance(job, DetectJob)]
        measure = [job for job in jobs if isinstance(job, MeasureJob)]
        found = [
            *self._inpaint.run(inpaint, inputs),
            *self._detect.run(detect, inputs),
            *self._measurer.run(measure, inputs),
        ]
        return ChunkResult(
            outputs=[one for one in found if isinstance(one, StoredOutput)],
            inputs=list(_encoded_inputs(chunk, inputs)),
            failures=[one for one in found if isinstance(one, Failure)],
            jobs=len(jobs),
            model_seconds=self._calls.seconds,
        )

    def inpainter(self, chosen: ResolvedModel) -> Inpainter:
        """Return an inpainter, loaded unless it was the last one used.

        Raises:
            WeightsError: if its checkpoint is damaged, of another model or not trained.
        """
        return self._models.inpainter(chosen)

    def detector(self, chosen: ResolvedModel) -> Detector:
        """Return a detector, loaded unless it was the last one used.

        Raises:
            WeightsError: if its checkpoint is damaged or of another model.
        """
        return self._models.detector(chosen)


class _Models:
    """The last model that was used, loaded on a device."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._loaded: dict[ResolvedModel, Inpainter | Detector] = {}

    def inpainter(self, chosen: ResolvedModel) -> Inpainter:
        model = self._model(chosen, create_inpainter)
        if not isinstance(model, Inpainter):
            raise TypeError(f"{chosen.name} is not an inpainter")
        if model.untrained:
            raise WeightsError(f"{chosen.name} cannot be measured: {model.untrained}")
        return model

    def detector(self, chosen: ResolvedModel) -> Detector:
        model = self._model(chosen, create_detector)
        if not isinstance(model, Detector):
            raise TypeError(f"{chosen.name} is not a detector")
        return model

    def _model(
        self, chosen: ResolvedModel, create: Callable[..., Inpainter | Detector]
    ) -> Inpainter | Detector:
        if chosen not in self._loaded:
            self._loaded.clear()  # one model at a time, to free memory for the next
            model = create(
                chosen.word or chosen.name, weights=chosen.weights.path, device=self._device
            )
            refuse_changed(chosen.card, chosen.weights)
            model.tune(precision=chosen.precision, compiled=chosen.compiled)
            model.use_engine(chosen.engine)
            self._loaded[chosen] = model
        return self._loaded[chosen]


def _encoded_inputs(chunk: Chunk, inputs: Inputs) -> Iterator[StoredOutput]:
    for sample, keys in chunk.keep.items():
        loaded = inputs.samples.get(sample)
        if isinstance(loaded, Sample):
            yield from keys.outputs(loaded)
