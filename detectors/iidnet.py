"""IID-Net: input filters, ten cells found by architecture search, attention, decision block.

Wu and Zhou, "IID-Net: Image Inpainting Detection Network via Neural Architecture Search and
Attention", IEEE TCSVT 32(3), 2022. Written from the paper and facts about its checkpoint, whose
parameter names are kept. Maps are (N, C, h, w). The network predicts pixels only: the image-level
score is the area rule of this project (`area_score`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    flat_state,
    load_strict,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.errors import BadInput
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from benchmark.core.types import Detection
from detectors.base import Detector, area_score

PUBLISHED_FILE = "IID_weights.pth"
BAYAR_SCALE = 10_000
STRONGEST = 15  # nearest neighbors per position, itself included
ALIKE = 0.5  # smallest mean cosine of a rank of neighbors
ROWS = 1024  # positions compared with all others at a time, to bound the memory

# Operations of the ten cells, found by architecture search; see `operation` for the codes.
CELLS = (
    ("01", "03", "00"),
    ("02", "00", "00"),
    ("03", "02", "00"),
    ("01", "00", "01"),
    ("00", "02", "00"),
    ("00", "01", "00"),
    ("02", "03", "02"),
    ("03", "03", "00"),
    ("02", "02", "00"),
    ("00", "01", "03"),
)

# The constant kernel of the local attention and, unused, of the median in the authors' file.
SMOOTHING = (
    (0.03598, 0.03735, 0.03997, 0.03713, 0.03579),
    (0.03682, 0.03954, 0.04446, 0.03933, 0.03673),
    (0.03864, 0.04242, 0.07146, 0.04239, 0.03859),
    (0.03679, 0.03936, 0.04443, 0.03950, 0.03679),
    (0.03590, 0.03720, 0.04003, 0.03738, 0.03601),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IIDNetConfig:
    """Sizes of the network; the defaults are the published checkpoint's.

    Attributes:
        stem_widths: channels of the two convolutions after the input filters.
        widths: channels of the first cell, and of all others.
        cells: number of cells, the first of the ten.
        decision_width: channels of the decision block.
    """

    stem_widths: tuple[int, int] = (32, 64)
    widths: tuple[int, int] = (128, 256)
    cells: int = len(CELLS)
    decision_width: int = 256

    def __post_init__(self) -> None:
        """Validate the sizes.

        Raises:
            BadInput: names the invalid field.
        """
        for name in ("stem_widths", "widths"):
            values = getattr(self, name)
            if len(values) != 2 or min(values) < 1:
                raise BadInput(f"iidnet: {name}: expected two numbers of at least 1, got {values}")
        if not 2 <= self.cells <= len(CELLS):
            raise BadInput(f"iidnet: cells: expected 2 to {len(CELLS)}, got {self.cells}")
        if self.decision_width < 1:
            raise BadInput(f"iidnet: decision_width: at least 1, got {self.decision_width}")


def smoothing(width: int) -> nn.Conv2d:
    """A constant depthwise 5x5 smoothing; not trained, but part of the checkpoint."""
    layer = nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False).requires_grad_(False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(SMOOTHING))
    return layer


def prefilter() -> nn.Conv2d:
    """A 3x3 convolution to 9 channels, initialized as differences to three neighbors."""
    layer = nn.Conv2d(3, 9, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[:, :, 1, 1] = -1
        for kind, (row, column) in enumerate(((2, 1), (1, 2), (2, 2))):  # below, right, diagonal
            layer.weight[kind::3, :, row, column] = 1
    return layer


class BayarConv(nn.Conv2d):
    """Constrained 5x5 convolution (Bayar); as published, only its first output is constrained.

    The stored kernel is unconstrained; the constrained one is computed in every forward pass.
    """

    def __init__(self) -> None:
        super().__init__(3, 3, 5, padding=2, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to residuals (N, 3, H, W)."""
        kernel = self.constrained()
        if (
            self.training
        ):  # straight-through: the stored kernel gets the gradient of the constrained one
            kernel = self.weight + (kernel - self.weight).detach()
        return F.conv2d(images, kernel, padding=self.padding)

    @torch.no_grad()
    def constrained(self) -> Tensor:
        """The constrained kernel, (3, 3, 5, 5).

        The authors' loop over outputs runs over the inputs of output 0 instead, so that outputs 1
        and 2 are only scaled by 10,000, with a center of 0.
        """
        kernel = BAYAR_SCALE * self.weight
        kernel[:, :, 2, 2] = 0
        kernel[0] /= kernel[0].sum(dim=(1, 2), keepdim=True)
        kernel[0, :, 2, 2] = -1
        return kernel


class Separable(nn.Module):
    """Operation 00: depthwise 3x3 convolution, batch norm, 1x1 convolution; no activation."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"bn": ("conv1",)}

    def __init__(self, channels: int, width: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            channels, channels, 3, stride, dilation, dilation, groups=channels, bias=False
        )
        self.bn = nn.BatchNorm2d(channels, eps=1e-5)
        self.pointwise = nn.Conv2d(channels, width, 1, bias=False)

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, channels, h, w) to a map (N, width, h / stride, w / stride)."""
        return self.pointwise(self.bn(self.conv1(planes)))  # type: ignore[no-any-return]


class Activated(nn.Module):
    """Operations 01 and 02: ReLU, depthwise and 1x1 convolutions, batch norm without affine."""

    def __init__(self, width: int, kernel: int, *, stride: int) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, kernel, stride, padding=kernel // 2, groups=width, bias=False),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width, eps=1e-5, affine=False),
        )

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, C, h, w) to a map (N, C, h / stride, w / stride)."""
        return self.op(planes)  # type: ignore[no-any-return]


def operation(code: str, width: int, *, stride: int, dilation: int) -> nn.Module:
    """Build an operation: 00 separable, 01 and 02 activated 3x3 and 5x5, 03 identity.

    Only 00 can be dilated.
    """
    if code == "00":
        return Separable(width, width, stride=stride, dilation=dilation)
    if code == "03":
        return nn.Identity()
    return Activated(width, {"01": 3, "02": 5}[code], stride=stride)


class SearchedCell(nn.Module):
    """A separable convolution and three searched operations, with a residual connection.

    Args:
        number: 1 to 10; determines the operations, the stride and the dilation.
        channels: of the input.
        width: of the output.
    """

    def __init__(self, number: int, channels: int, width: int) -> None:
        super().__init__()
        stride, dilation = (2 if number <= 2 else 1), (2 if number >= 4 else 1)
        self.skip: nn.Module = nn.Identity()
        self.skipbn: nn.Module = nn.Identity()
        if stride == 2:
            self.skip = nn.Conv2d(channels, width, 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(width, eps=1e-5)
        first, second, third = CELLS[number - 1]
        layers = (
            Separable(channels, width, dilation=dilation),
            operation(first, width, stride=1, dilation=dilation),
            operation(second, width, stride=1, dilation=dilation),
            operation(third, width, stride=stride, dilation=1),
        )
        # ReLUs are not in place: the skip and the previous cell still need their input.
        steps = [
            part for layer in layers for part in (nn.ReLU(), layer, nn.BatchNorm2d(width, eps=1e-5))
        ]
        self.rep = nn.Sequential(*steps[1 if number == 1 else 0 :])  # its input has passed a ReLU

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, channels, h, w) to (N, width, h, w), or half the size at stride 2."""
        return self.rep(planes) + self.skipbn(self.skip(planes))  # type: ignore[no-any-return]


def nearest(features: Tensor) -> tuple[Tensor, Tensor]:
    """The 15 nearest neighbors of every position, by cosine similarity.

    Args:
        features: (P, C), a vector per position; P is at least 15.

    Returns:
        Cosines (P, 15) in descending order, and indices (P, 15) of the positions. The first is the
        position itself, or an equal one.
    """
    unit = features / features.norm(dim=1, keepdim=True)
    found = [(rows @ unit.T).topk(STRONGEST, dim=1) for rows in unit.split(ROWS)]
    cosines, positions = zip(*found, strict=True)
    return torch.cat(cosines), torch.cat(positions)


def divisor(cosines: Tensor) -> int:
    """K of the global attention: the last rank whose mean cosine is at least 0.5, 2 to 14.

    Args:
        cosines: (P, 15), from `nearest`.

    Returns:
        K; 15 if no rank qualifies, which requires a zero vector.
    """
    alike = (cosines.mean(dim=0) >= ALIKE).nonzero()
    return max(2, int(alike[-1])) if len(alike) else STRONGEST


class Attention(nn.Module):
    """Global and local attention: means over similar positions, and over neighborhoods."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.local_att = smoothing(width)

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, C, h, w) to a map (N, 3C, h, w): input, global, local."""
        # K is determined per image: over a batch, as in training, outputs would depend on it.
        alike = torch.stack([self._average(image) for image in planes])
        return torch.cat((planes, alike, self.local_att(planes)), dim=1)

    def _average(self, image: Tensor) -> Tensor:
        """Map (C, h, w) of an image to the mean of each position and its K - 1 neighbors."""
        features = image.flatten(1).T.contiguous()  # (P, C), row by row
        with torch.no_grad():
            cosines, positions = nearest(features)
        k = divisor(cosines)
        total = features + F.embedding_bag(positions[:, 1:k], features, mode="sum")
        return (total / k).T.reshape(image.shape)


def decision(channels: int, width: int) -> nn.Sequential:
    """The decision block: maps (N, channels, h, w) to logits (N, 1, 8h, 8w)."""

    def enlarge() -> nn.Module:
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

    def step(inputs: int) -> list[nn.Module]:
        norm = nn.BatchNorm2d(width, eps=1e-5)
        return [nn.Conv2d(inputs, width, 3, padding=1), norm, nn.ReLU(inplace=True)]

    return nn.Sequential(
        *(enlarge(), *step(channels), *step(width)),
        *(enlarge(), *step(width), *step(width)),
        *(enlarge(), nn.Conv2d(width, 1, 3, padding=1)),
    )


def median(planes: Tensor) -> Tensor:
    """3x3 median filter without padding: (N, 1, h, w) to (N, 1, h - 2, w - 2)."""
    height, width = planes.shape[2] - 2, planes.shape[3] - 2
    windows = F.unfold(planes, 3).median(dim=1).values  # (N, 9, h*w) before
    return windows.reshape(-1, 1, height, width)


class IIDNetNetwork(nn.Module):
    """The whole network: enhancement, extraction, attention, decision.

    Args:
        config: its sizes; by default the published checkpoint's.
    """

    def __init__(self, config: IIDNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or IIDNetConfig()
        stem, widths = self.config.stem_widths, self.config.widths
        self.normal_conv = nn.Conv2d(3, 3, 5, padding=2, bias=False)
        self.pf_conv = prefilter()
        self.bayar_conv = BayarConv()
        self.conv1 = nn.Conv2d(15, stem[0], 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem[0], eps=1e-5)
        self.conv2 = nn.Conv2d(stem[0], stem[1], 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem[1], eps=1e-5)
        self.cell1 = SearchedCell(1, stem[1], widths[0])
        self.cell2 = SearchedCell(2, widths[0], widths[1])
        for number in range(3, self.config.cells + 1):
            self.add_module(f"cell{number}", SearchedCell(number, widths[1], widths[1]))
        self.att = Attention(widths[1])
        self.decision = decision(3 * widths[1], self.config.decision_width)
        self.median = smoothing(1)  # in the authors' file, not used

    def forward(self, images: Tensor) -> Tensor:
        """Detect inpainted pixels.

        Args:
            images: (N, 3, H, W), BGR in [-1, 1]; both sides at least 25.

        Returns:
            (N, 1, H, W), the logit that a pixel was inpainted.
        """
        planes = self._enhance(images)
        for number in range(1, self.config.cells + 1):
            planes = self.get_submodule(f"cell{number}")(planes)
        logits = median(self.decision(self.att(planes)))
        return F.interpolate(logits, size=images.shape[2:], mode="nearest")

    def _enhance(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to a map (N, C, h, w) at half their size, rounded up."""
        filters = (
            self.normal_conv,
            self.bayar_conv,
            self.pf_conv,
        )  # not in the order of the checkpoint
        planes = torch.cat([layer(images) for layer in filters], dim=1)
        planes = F.relu(self.bn1(self.conv1(planes)))
        return F.relu(self.bn2(self.conv2(planes)))


class IIDNet(Detector):
    """IID-Net with its heatmap; its score is the share of the heatmap above 0.5."""

    card = Card(
        name="iidnet",
        title="IID-Net",
        paper="https://doi.org/10.1109/TCSVT.2021.3075039",
        license="none stated: all rights reserved",
        reported="IID-Net",
        checkpoints=(
            Checkpoint(
                file="IID_weights.pth",
                url="https://github.com/HighwayWu/InpaintingForensics/raw/master/weights/"
                "IID_weights.pth",
                source="https://github.com/HighwayWu/InpaintingForensics",
                license="none stated: all rights reserved",
                git_blob="8d481c46f60e1866ce16744e30f5e466f1cfa50b",
            ),
        ),
        mini="detectors:mini/iidnet.safetensors",
        learner="detectors.training.iidnet:IIDNetLearner",
        parameters=5_787_567,
        multiply_adds=33_086_832_640,
        sizes="any of at least 25 pixels a side; its authors' program takes any",
        score="share of the heatmap above 0.5, a rule of this project: its authors give no score",
        min_side=25,
        score_from="area",
        threshold=0.02,
    )
    engines: ClassVar[Engines] = {
        "openvino": "its median cannot be converted",
        "onnxruntime": "its median cannot be converted",
    }

    def _load(self, path: Path) -> None:
        file = path / PUBLISHED_FILE if path.is_dir() else path
        content = read_checkpoint(file)
        if file.suffix == ".safetensors":
            config, state = read_sizes(file, "iidnet", IIDNetConfig), dict(content)
            refuse_unfit(lambda: IIDNetNetwork(config), state, file)
            network = IIDNetNetwork(config)
        else:
            network, state = IIDNetNetwork(), flat_state(content, file)
        load_strict(network, state, file)
        self.network = optimize_for_inference(
            network, self.device, channels_last=True, nnpack="any threads"
        )

    def _detect(self, images: Tensor) -> Detection:
        pixels = (255 * images).round() / 255
        bgr = ((pixels.flip(1) - 0.5) / 0.5).contiguous()
        # On a CPU one image at a time is faster, and bit-identical for any batch.
        batches = torch.split(bgr, 1) if self.device.type == "cpu" else (bgr,)
        logits = torch.cat([self.network(batch) for batch in batches])
        heatmap = logits[:, 0].sigmoid()
        return Detection(heatmap=heatmap, score=area_score(heatmap))
