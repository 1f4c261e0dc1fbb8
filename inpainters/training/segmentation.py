"""Feature network of LaMa and FcF: a dilated ResNet-50 trained on ADE20K scene segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from benchmark.core.checkpoints.load import flat_state, load_strict, read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.core.paths import torch_checkpoints
from inpainters.training.feature_networks import FeatureNetwork, choose_features

ADE20K_FILE = Path("ade20k-resnet50dilated-ppm_deepsup", "encoder_epoch_20.pth")
STAGES = ("layer1", "layer2", "layer3", "layer4")
COUNTER = "num_batches_tracked"  # of a batch norm; missing in files of old PyTorch versions


class DilatedResNet(FeatureNetwork):
    """ResNet-50 with a deep stem, and dilation instead of stride in its last two stages.

    Source: LaMa (arXiv 2109.07161). The entry names of the weights file are assumed to be those of
    torchvision, and a file with other names is refused. A new instance is untrained; see
    `load_segmenter`.
    """

    perceptual_layers = STAGES
    style_layers = STAGES

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.resnet import (  # seconds to import, training only
            Bottleneck,
            ResNet,
        )

        for index, (channels, width) in enumerate(((3, 64), (64, 64), (64, 128)), start=1):
            stride = 2 if index == 1 else 1
            conv = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
            self.add_module(f"conv{index}", conv)
            self.add_module(f"bn{index}", nn.BatchNorm2d(width))
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        body = ResNet(Bottleneck, [3, 4, 6, 3], replace_stride_with_dilation=[False, True, True])
        body.layer1[0].conv1 = nn.Conv2d(128, 64, 1, bias=False)  # the deep stem is twice as wide
        body.layer1[0].downsample[0] = nn.Conv2d(128, 256, 1, bias=False)
        for stage in STAGES:
            self.add_module(stage, body.get_submodule(stage))
        self.eval().requires_grad_(requires_grad=False)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Outputs of the four stages for standardized (N, 3, H, W) images, at 1/4 and 1/8 scale."""
        values = images
        for index in (1, 2, 3):
            convolved = self.get_submodule(f"conv{index}")(values)
            values = torch.relu(self.get_submodule(f"bn{index}")(convolved))
        values, found = self.maxpool(values), {}
        for stage in STAGES:
            found[stage] = values = self.get_submodule(stage)(values)
        return found


def load_segmenter(path: Path) -> DilatedResNet:
    """Load the encoder's weights from the authors' file.

    Args:
        path: `encoder_epoch_20.pth`.

    Returns:
        The network, frozen, in evaluation mode.

    Raises:
        WeightsError: if the file is missing, damaged or a different one.
    """
    state = flat_state(read_checkpoint(path), path)
    network = DilatedResNet()
    for name, value in network.state_dict().items():
        if name.endswith(COUNTER):
            state.setdefault(name, torch.zeros_like(value))
    load_strict(network, state, path)
    return network


def choose_receptive_features(kind: Literal["ade20k", "vgg16", "texture"]) -> FeatureNetwork:
    """The feature network that a recipe of LaMa or FcF names.

    Args:
        kind: "ade20k", whose file is in torch's checkpoint folder; "vgg16", which `bench weights`
            installs; or "texture" for fixed random filters.

    Returns:
        The network, frozen, on the CPU.

    Raises:
        TrainingError: if the file does not exist.
        WeightsError: if it is damaged or a different one.
    """
    if kind != "ade20k":
        return choose_features(kind)
    path = torch_checkpoints() / ADE20K_FILE
    if not path.is_file():
        raise TrainingError(
            f"this recipe compares features of a ResNet-50 trained on ADE20K, whose file is not "
            f"here: put {ADE20K_FILE.as_posix()} from "
            f"http://sceneparsing.csail.mit.edu/model/pytorch/ into {torch_checkpoints()}, "
            'or set features = "texture"'
        )
    return load_segmenter(path)
