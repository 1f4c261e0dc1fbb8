"""TruFor: RGB and noise streams; predicts a heatmap, its confidence, and an image-level score.

Guillaro et al., "TruFor: Leveraging All-Round Clues for Trustworthy Image Forgery Detection and
Localization", CVPR 2023. Written from the paper and facts about its checkpoint, whose parameter
names are kept. Maps are (N, C, h, w); tokens are maps flattened row by row to (N, h*w, C).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    load_strict,
    part_of,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.errors import BadInput
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from benchmark.core.types import Detection
from detectors.base import Detector

Size = tuple[int, int]  # height and width of a map
Four = tuple[int, int, int, int]  # a number for each stage

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruForConfig:
    """Sizes of the network; the defaults are the published checkpoint's.

    Attributes:
        widths: channels of the four stages.
        depths: transformer blocks of the four stages, in each stream.
        heads: attention heads of the four stages; a head is width / heads channels wide.
        reductions: spatial reduction ratio of keys and values, per stage.
        mlp_ratio: ratio of an MLP's hidden channels to its width.
        decoder_width: channels of both decoders.
        detection_width: hidden units of the image-level head.
        extractor_width: channels of the noise extractor.
        extractor_layers: convolutions of the noise extractor, first and last included.
        stochastic_depth: drop probability of the last block, in training only.
    """

    widths: Four = (64, 128, 320, 512)
    depths: Four = (3, 4, 6, 3)
    heads: Four = (1, 2, 5, 8)
    reductions: Four = (8, 4, 2, 1)
    mlp_ratio: int = 4
    decoder_width: int = 512
    detection_width: int = 128
    extractor_width: int = 64
    extractor_layers: int = 17
    stochastic_depth: float = 0.1

    def __post_init__(self) -> None:
        """Validate the sizes.

        Raises:
            BadInput: names the invalid field.
        """
        for name in ("widths", "depths", "heads", "reductions"):
            values = getattr(self, name)
            if len(values) != 4 or min(values) < 1:
                raise BadInput(f"trufor: {name}: expected four numbers of at least 1, got {values}")
        if any(width % heads for width, heads in zip(self.widths, self.heads, strict=True)):
            raise BadInput(f"trufor: widths {self.widths} are not multiples of heads {self.heads}")
        if self.extractor_layers < 2:
            raise BadInput(f"trufor: extractor_layers: at least 2, got {self.extractor_layers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Logits:
    """Outputs of the network for N images, before any sigmoid or softmax.

    Attributes:
        anomaly: (N, 2, H, W), pristine and manipulated; their softmax is the heatmap.
        confidence: (N, 1, H, W), positive where the heatmap is likely to be correct.
        detection: (N,), positive if the image is detected as manipulated.
        residual: (N, 1, H, W), the noise extractor's output, unbounded.
    """

    anomaly: Tensor
    confidence: Tensor
    detection: Tensor
    residual: Tensor


def to_tokens(planes: Tensor) -> Tensor:
    """Flatten a map (N, C, h, w) row by row to tokens (N, h*w, C)."""
    return planes.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, size: Size) -> Tensor:
    """Reshape tokens (N, h*w, C) to a map (N, C, h, w), in channels-last memory format."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], *size)


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """Split (N, L, C) into (N, heads, L, C / heads), adjacent channels to one head."""
    return tokens.reshape(*tokens.shape[:2], heads, -1).transpose(1, 2)


def join_heads(tokens: Tensor) -> Tensor:
    """Undo `split_heads`: (N, heads, L, C / heads) to (N, L, C)."""
    return tokens.transpose(1, 2).flatten(2)


class PatchEmbed(nn.Module):
    """Overlapping patch embedding: a strided convolution, then layer norm of its tokens."""

    def __init__(self, channels: int, width: int, *, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width, eps=1e-5)

    def forward(self, planes: Tensor) -> tuple[Tensor, Size]:
        """Map (N, channels, H, W) to tokens (N, h*w, width), and (h, w)."""
        planes = self.proj(planes)
        return self.norm(to_tokens(planes)), (planes.shape[2], planes.shape[3])


class Attention(nn.Module):
    """Self-attention with spatial reduction: one key and value per square of `reduction` tokens."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.reduction = reduction
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        if reduction > 1:
            self.sr = nn.Conv2d(width, width, reduction, reduction)
            self.norm = nn.LayerNorm(width, eps=1e-5)

    def forward(self, tokens: Tensor, size: Size) -> Tensor:
        """Tokens (N, h*w, C) of a map of `size` to tokens of the same shape."""
        source = tokens
        if self.reduction > 1:  # rows and columns beyond a multiple of the reduction are dropped
            source = self.norm(to_tokens(self.sr(to_map(tokens, size))))
        keys, values = self.kv(source).chunk(2, dim=2)
        queries, keys, values = (
            split_heads(part, self.heads) for part in (self.q(tokens), keys, values)
        )
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return self.proj(join_heads(mixed))  # type: ignore[no-any-return]


class DepthwiseConv(nn.Module):
    """A depthwise 3x3 convolution on tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, tokens: Tensor, size: Size) -> Tensor:
        """Tokens (N, h*w, C) of a map of `size` to tokens of the same shape."""
        return to_tokens(self.dwconv(to_map(tokens, size)))


class MLP(nn.Module):
    """Two linear layers, with a depthwise convolution and exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.dwconv = DepthwiseConv(hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, size: Size) -> Tensor:
        """Tokens (N, h*w, C) of a map of `size` to tokens of the same shape."""
        return self.fc2(F.gelu(self.dwconv(self.fc1(tokens), size)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """A transformer block: pre-norm attention and MLP, each with a residual connection.

    Args:
        width: channels C.
        heads: attention heads.
        reduction: spatial reduction ratio of keys and values.
        mlp_ratio: ratio of the MLP's hidden channels to its width.
        skip: drop probability of each branch per image (stochastic depth), in training only.
    """

    def __init__(
        self, width: int, heads: int, reduction: int, *, mlp_ratio: int, skip: float
    ) -> None:
        super().__init__()
        self.skip = skip
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, mlp_ratio * width)

    def forward(self, tokens: Tensor, size: Size) -> Tensor:
        """Tokens (N, h*w, C) of a map of `size` to tokens of the same shape."""
        tokens = tokens + self._thin(self.attn(self.norm1(tokens), size))
        return tokens + self._thin(self.mlp(self.norm2(tokens), size))

    def _thin(self, branch: Tensor) -> Tensor:
        """Stochastic depth on an (N, L, C) branch: drop it for some images, rescale the others."""
        if not self.training or self.skip == 0:
            return branch
        kept = torch.rand(branch.shape[0], 1, 1, device=branch.device) >= self.skip
        return branch * kept / (1 - self.skip)


class ChannelWeights(nn.Module):
    """Channel weights of each stream for the other, from global pooling of both."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(4 * width, 4 * width),
            nn.ReLU(inplace=True),
            nn.Linear(4 * width, 2 * width),
            nn.Sigmoid(),
        )

    def forward(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams (N, 2C, h, w) to two weights (N, C, 1, 1) in [0, 1]."""
        pools = torch.cat((both.mean(dim=(2, 3)), both.amax(dim=(2, 3))), dim=1)  # (N, 4C)
        first, second = self.mlp(pools)[:, :, None, None].chunk(2, dim=1)
        return first, second


class SpatialWeights(nn.Module):
    """Pixel weights of each stream for the other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(2 * width, width, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams (N, 2C, h, w) to two weights (N, 1, h, w) in [0, 1]."""
        first, second = self.mlp(both).chunk(2, dim=1)
        return first, second


class FeatureRectification(nn.Module):
    """Feature rectification (FRM): adds each stream to the other, weighted by channel and pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channel_weights = ChannelWeights(width)
        self.spatial_weights = SpatialWeights(width)

    def forward(self, rgb: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Two maps (N, C, h, w), of RGB and noise, to two maps of the same shape."""
        both = torch.cat((rgb, noise), dim=1)
        channel = self.channel_weights(both)
        spatial = self.spatial_weights(both)
        # The weights cross over: the second of each pair is the weight of noise, added to RGB.
        return (
            rgb + 0.5 * (channel[1] + spatial[1]) * noise,
            noise + 0.5 * (channel[0] + spatial[0]) * rgb,
        )


class CrossAttention(nn.Module):
    """Linear cross-attention between streams: each attends to the other's channel context."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.kv1 = nn.Linear(width, 2 * width, bias=False)
        self.kv2 = nn.Linear(width, 2 * width, bias=False)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, L, C) of both streams, also used as queries, to attended tokens (N, L, C)."""
        context1, context2 = self._context(self.kv1(first)), self._context(self.kv2(second))
        return (
            join_heads(split_heads(first, self.heads) @ context2),
            join_heads(split_heads(second, self.heads) @ context1),
        )

    def _context(self, keys_values: Tensor) -> Tensor:
        keys, values = (split_heads(part, self.heads) for part in keys_values.chunk(2, dim=2))
        scale = 1 / math.sqrt(keys.shape[3])
        return (keys.transpose(2, 3) @ values * scale).softmax(dim=2)  # over key channels


class CrossPath(nn.Module):
    """Both streams' tokens, each merged with the attended tokens of the other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.channel_proj1 = nn.Linear(width, 2 * width)
        self.channel_proj2 = nn.Linear(width, 2 * width)
        self.cross_attn = CrossAttention(width, heads)
        self.end_proj1 = nn.Linear(2 * width, width)
        self.end_proj2 = nn.Linear(2 * width, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, L, C) of both streams to tokens of the same shape."""
        own1, query1 = F.relu(self.channel_proj1(first)).chunk(2, dim=2)
        own2, query2 = F.relu(self.channel_proj2(second)).chunk(2, dim=2)
        read1, read2 = self.cross_attn(query1, query2)
        return (
            self.norm1(first + self.end_proj1(torch.cat((own1, read1), dim=2))),
            self.norm2(second + self.end_proj2(torch.cat((own2, read2), dim=2))),
        )


class ChannelEmbed(nn.Module):
    """Merges the channels of two streams into one."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"norm": ("residual", "channel_embed.3")}

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Conv2d(2 * width, width, 1, bias=False)
        self.channel_embed = nn.Sequential(
            nn.Conv2d(2 * width, width, 1),
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1),
            nn.BatchNorm2d(width, eps=1e-5),
        )
        self.norm = nn.BatchNorm2d(width, eps=1e-5)

    def forward(self, both: Tensor) -> Tensor:
        """Both streams (N, 2C, h, w) to one map (N, C, h, w)."""
        merged = self.residual(both) + self.channel_embed(both)
        return self.norm(merged)  # type: ignore[no-any-return]


class FeatureFusion(nn.Module):
    """Feature fusion module (FFM): cross-attention between the streams, then fusion to one map."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.cross = CrossPath(width, heads)
        self.channel_emb = ChannelEmbed(width)

    def forward(self, rgb: Tensor, noise: Tensor) -> Tensor:
        """Two maps (N, C, h, w) to the fused map of the same shape."""
        size = (rgb.shape[2], rgb.shape[3])
        both = torch.cat(self.cross(to_tokens(rgb), to_tokens(noise)), dim=2)  # (N, h*w, 2C)
        return self.channel_emb(to_map(both, size))  # type: ignore[no-any-return]


class Backbone(nn.Module):
    """Two parallel SegFormer encoders, rectified and fused after every stage."""

    def __init__(self, config: TruForConfig) -> None:
        super().__init__()
        for prefix in ("", "extra_"):
            for stage, channels in enumerate((3, *config.widths[:3]), start=1):
                kernel, stride = (7, 4) if stage == 1 else (3, 2)
                embed = PatchEmbed(channels, config.widths[stage - 1], kernel=kernel, stride=stride)
                self.add_module(f"{prefix}patch_embed{stage}", embed)
        for stage in (1, 2, 3, 4):
            for prefix in ("", "extra_"):
                norm = nn.LayerNorm(config.widths[stage - 1], eps=1e-6)
                self.add_module(f"{prefix}block{stage}", _blocks(config, stage, prefix))
                self.add_module(f"{prefix}norm{stage}", norm)
        self.FRMs = nn.ModuleList(FeatureRectification(width) for width in config.widths)
        self.FFMs = nn.ModuleList(
            FeatureFusion(width, heads)
            for width, heads in zip(config.widths, config.heads, strict=True)
        )

    def forward(self, rgb: Tensor, noise: Tensor) -> list[Tensor]:
        """Two (N, 3, H, W) images to four fused maps (N, C, h, w), at 1/4, 1/8, 1/16, 1/32 size."""
        fused = []
        for stage in (1, 2, 3, 4):
            rgb, noise = self._encode("", stage, rgb), self._encode("extra_", stage, noise)
            rgb, noise = self.FRMs[stage - 1](rgb, noise)
            fused.append(self.FFMs[stage - 1](rgb, noise))
        return fused

    def _encode(self, prefix: str, stage: int, planes: Tensor) -> Tensor:
        """One stage of one stream: a map (N, C, h, w) to a map of the next stage's size."""
        tokens, size = self.get_submodule(f"{prefix}patch_embed{stage}")(planes)
        for block in self.get_submodule(f"{prefix}block{stage}").children():
            tokens = block(tokens, size)
        return to_map(self.get_submodule(f"{prefix}norm{stage}")(tokens), size)


def _blocks(config: TruForConfig, stage: int, prefix: str) -> nn.ModuleList:
    """One stage's blocks of one stream."""
    total, before = sum(config.depths), sum(config.depths[: stage - 1])
    rates = [config.stochastic_depth * number / max(1, total - 1) for number in range(total)]
    rates = rates[before : before + config.depths[stage - 1]]
    if stage == 2:
        # As in the authors' training: one rate for all RGB blocks, the next for all noise blocks.
        rates = [rates[min(len(rates) - 1, 1 if prefix else 0)]] * len(rates)
    return nn.ModuleList(
        Block(
            config.widths[stage - 1],
            config.heads[stage - 1],
            config.reductions[stage - 1],
            mlp_ratio=config.mlp_ratio,
            skip=rate,
        )
        for rate in rates
    )


class StageProjection(nn.Module):
    """Linear projection of a stage's map to the decoder's width."""

    def __init__(self, width: int, decoder_width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, decoder_width)

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, C, h, w) to a map (N, D, h, w)."""
        return to_map(self.proj(to_tokens(planes)), (planes.shape[2], planes.shape[3]))


class Decoder(nn.Module):
    """Decodes four fused maps to `channels` logits per pixel, at the size of the first map.

    Args:
        config: the network's sizes.
        channels: logits per pixel.
        epsilon: of its batch norm: the published anomaly and confidence decoders differ in it.
    """

    def __init__(self, config: TruForConfig, channels: int, *, epsilon: float) -> None:
        super().__init__()
        width = config.decoder_width
        for stage in (4, 3, 2, 1):
            projection = StageProjection(config.widths[stage - 1], width)
            self.add_module(f"linear_c{stage}", projection)
        self.linear_fuse = nn.Sequential(
            nn.Conv2d(4 * width, width, 1),
            nn.BatchNorm2d(width, eps=epsilon),
            nn.ReLU(inplace=True),
        )
        self.dropout = nn.Dropout2d(0.1)
        self.linear_pred = nn.Conv2d(width, channels, 1)

    def forward(self, fused: Sequence[Tensor]) -> Tensor:
        """Four maps (N, C_s, h_s, w_s) to logits (N, channels, h_1, w_1)."""
        summed = self._convolve(fused)
        return self.linear_pred(self.dropout(self.linear_fuse[1:](summed)))  # type: ignore[no-any-return]

    def _convolve(self, fused: Sequence[Tensor]) -> Tensor:
        """The 1x1 convolution of all stages, resized and concatenated in the order 4, 3, 2, 1.

        Resizing and a 1x1 convolution commute: each stage is convolved at its own size with its
        part of the kernel, and the results are resized and summed. That saves two thirds of the
        multiplications and the concatenated map.
        """
        convolution = cast(nn.Conv2d, self.linear_fuse[0])
        size = fused[0].shape[2:]
        kernels = dict(zip((4, 3, 2, 1), convolution.weight.chunk(4, dim=1), strict=True))
        # The bias is added once, with the part that needs no resizing.
        summed = F.conv2d(self._project(1, fused), kernels[1], convolution.bias)
        for stage in (2, 3, 4):
            share = F.conv2d(self._project(stage, fused), kernels[stage])
            summed = summed + _resize(share, size)
        return summed

    def _project(self, stage: int, fused: Sequence[Tensor]) -> Tensor:
        projection = self.get_submodule(f"linear_c{stage}")
        return projection(fused[stage - 1])  # type: ignore[no-any-return]


def _resize(planes: Tensor, size: Sequence[int]) -> Tensor:
    if planes.shape[2:] == tuple(size):
        return planes
    return F.interpolate(planes, size=list(size), mode="bilinear", align_corners=False)


def pooled(values: Tensor, log_weights: Tensor | None = None) -> Tensor:
    """Pool a map over its pixels: soft minimum, soft maximum, mean and mean square.

    Args:
        values: (N, M), a logit per pixel.
        log_weights: (N, M), logarithms of weights, up to a constant per image; by default all
            equal.

    Returns:
        (N, 4); for a constant map the constant three times, then its square.
    """
    given = torch.zeros_like(values) if log_weights is None else log_weights
    shares = given.log_softmax(dim=1)
    weights = shares.exp()
    return torch.stack(
        (
            -(shares - values).logsumexp(dim=1),
            (shares + values).logsumexp(dim=1),
            (weights * values).sum(dim=1),
            (weights * values.square()).sum(dim=1),
        ),
        dim=1,
    )


def noise_extractor(config: TruForConfig) -> nn.Sequential:
    """Noiseprint++: a plain chain of 3x3 convolutions, (N, 3, H, W) to a residual (N, 1, H, W)."""
    width = config.extractor_width
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU(inplace=True)]
    for _ in range(config.extractor_layers - 2):
        layers.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
        layers += [nn.BatchNorm2d(width, eps=1e-5), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))


class TruForNetwork(nn.Module):
    """The whole network: noise extractor, two-stream backbone, two decoders, image-level head.

    Args:
        config: its sizes; by default the published checkpoint's.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: TruForConfig | None = None) -> None:
        super().__init__()
        self.config = config or TruForConfig()
        self.backbone = Backbone(self.config)
        self.decode_head = Decoder(self.config, 2, epsilon=1e-3)
        self.decode_head_conf = Decoder(self.config, 1, epsilon=1e-5)
        self.detection = nn.Sequential(
            nn.Linear(8, self.config.detection_width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(self.config.detection_width, 1),
        )
        self.dncnn = noise_extractor(self.config)
        # (3, 1, 1) each; constants, not part of a checkpoint.
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Logits:
        """Detect manipulations.

        Args:
            images: (N, 3, H, W), RGB, 8-bit value / 256; both sides at least 29.

        Returns:
            Logits at full size, and the residual.
        """
        # The extractor is sensitive: another memory format changes its output by 4.5e-4.
        residual = self.dncnn(images.contiguous())
        normalized = (images - self.mean) / self.std
        fused = self.backbone(normalized, residual.expand(-1, 3, -1, -1))
        size = images.shape[2:]
        anomaly = _resize(self.decode_head(fused), size)
        confidence = _resize(self.decode_head_conf(fused), size)
        return Logits(
            anomaly=anomaly,
            confidence=confidence,
            detection=self._classify(anomaly, confidence),
            residual=residual,
        )

    def _classify(self, anomaly: Tensor, confidence: Tensor) -> Tensor:
        """Full-size logits (N, 2, H, W) and (N, 1, H, W) to the image-level logit (N,)."""
        sure = confidence.flatten(1)
        forged = (anomaly[:, 1] - anomaly[:, 0]).flatten(1)
        statistics = torch.cat((pooled(sure), pooled(forged, F.logsigmoid(sure))), dim=1)
        return self.detection(statistics)[:, 0]  # type: ignore[no-any-return]


def initialize(network: TruForNetwork) -> None:
    """Initialize weights as the authors' training program does, with torch's global generator.

    Backbone: linear layers truncated normal with std 0.02, convolutions normal with variance
    2 / (kernel area * outputs / groups). Decoders: convolutions Kaiming normal. The extractor and
    the linear layers of the heads keep torch's default initialization.
    """
    for module in network.backbone.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
        elif isinstance(module, nn.Conv2d):
            area = math.prod(module.kernel_size)
            spread = math.sqrt(2 / (area * module.out_channels / module.groups))
            nn.init.normal_(module.weight, std=spread)
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
    for decoder in (network.decode_head, network.decode_head_conf):
        for module in decoder.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")


class TruFor(Detector):
    """TruFor with its heatmap, confidence and image-level score."""

    card = Card(
        name="trufor",
        title="TruFor",
        paper="https://arxiv.org/abs/2212.10957",
        license="GRIP-UNINA: nonprofit and informational use only, notices kept, authors cited",
        reported="TruFor",
        checkpoints=(
            Checkpoint(
                file="trufor.pth.tar",
                url="https://www.grip.unina.it/download/prog/TruFor/TruFor_weights.zip",
                source="https://github.com/grip-unina/TruFor",
                license="GRIP-UNINA: nonprofit and informational use only; "
                "its encoder starts from NVIDIA's non-commercial SegFormer weights",
                archive="md5:7bee48f3476c75616c3c5721ab256ff8",
                member="weights/trufor.pth.tar",
            ),
        ),
        mini="detectors:mini/trufor.safetensors",
        learner="detectors.training.trufor:TruForLearner",
        parameters=68_697_421,
        multiply_adds=50_025_612_416,
        sizes="any of at least 29 pixels a side, as its authors' program",
        score="its own detection head: probability that the image is forged",
        min_side=29,
        revision=2,
    )
    engines: ClassVar[Engines] = {"openvino": 1.25, "onnxruntime": 1.15}

    def _load(self, path: Path) -> None:
        if path.suffix == ".safetensors":
            config, state = read_sizes(path, "trufor", TruForConfig), read_checkpoint(path)
            refuse_unfit(lambda: TruForNetwork(config), state, path)
            network = TruForNetwork(config)
        else:
            network, state = TruForNetwork(), part_of(read_checkpoint(path), "state_dict", path)
        load_strict(network, state, path)
        optimize_for_inference(network.dncnn, self.device, nnpack="one thread")
        self.network = optimize_for_inference(network, self.device, channels_last=True)

    def _detect(self, images: Tensor) -> Detection:
        pixels = (255 * images).round().clamp(0, 255) / 256
        # On a CPU one image at a time is faster, and outputs do not depend on the batch.
        batches = torch.split(pixels, 1) if self.device.type == "cpu" else (pixels,)
        # TF32, with a mantissa of 10 bits, changes the residual by 0.12; its deviation is 0.16.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs = [self.network(batch) for batch in batches]
        anomaly = torch.cat([output.anomaly for output in outputs])
        confidence = torch.cat([output.confidence for output in outputs])
        detection = torch.cat([output.detection for output in outputs])
        return Detection(
            heatmap=anomaly.softmax(dim=1)[:, 1],
            score=detection.sigmoid(),
            confidence=confidence[:, 0].sigmoid(),
        )
