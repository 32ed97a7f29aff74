"""The published classifier around a seed, to see that its weights are what they should be."""

import os

from torch import Tensor, nn

from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.blocks import conv_norm_act
from mmtransfer.checkpoints.tensors import check_values, load_tensors
from mmtransfer.seeds import seed_network
from mmtransfer.seeds.layout import classifier_layout
from mmtransfer.seeds.namings import SeedCheckpointError, recognise


class SeedClassifier(nn.Module):
    """A seed as it was published: backbone, 1x1 convolution (no ResNet has one), mean over the
    image, linear layer.

    EfficientNet-Lite0 expects RGB images of 224 x 224 with pixels ``(x - 127) / 128``, cut from the
    centre after the shorter side was resized to 256; for MobileNetV2 see its publisher.

    Args:
        seed: Name of the seed.
        norm_cfg: MMCV config of a batch norm; eps and momentum are the seed's unless it sets them.
    """

    def __init__(self, seed: str = 'efficientnet_lite0', norm_cfg: dict | None = None) -> None:
        super().__init__()
        self.network = seed_network(seed)
        last = len(self.network.stages) - 1
        self.backbone = AdaptedBackbone(seed, out_indices=(last,), norm_cfg=norm_cfg)
        published = self.network.seed
        width = self.backbone.out_channels[0]
        self.head: nn.Module = nn.Identity()
        if published.head_channels:
            self.head = conv_norm_act(
                width,
                published.head_channels,
                1,
                norm_cfg=self.backbone.norm_cfg,
                act_cfg=dict(type=published.act),
            )
        self.fc = nn.Linear(published.head_channels or width, published.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) to class scores before the softmax, (N, classes)."""
        return self.fc(self.head(self.backbone(x)[-1]).mean((2, 3)))

    def load(self, checkpoint: str | os.PathLike) -> None:
        """Take all weights from a published checkpoint of the seed, in any known naming.

        Args:
            checkpoint: A file, an address, or ``package://NAME/FILE`` inside an installed package.

        Raises:
            SeedCheckpointError: The file cannot be read, is of another network, or has no
                classifier; nothing was changed.
        """
        tensors = load_tensors(checkpoint)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        _, names = recognise(shapes, self.network, f"'{os.fspath(checkpoint)}'")
        classifier = classifier_layout(self.network.seed)
        missing = [n for n in classifier if n not in names and 'num_batches' not in n]
        if missing:
            raise SeedCheckpointError(
                f"'{os.fspath(checkpoint)}' must hold the classifier of {self.network.seed.name} "
                f'too, with {self.network.seed.num_classes} classes; missing: '
                f'{", ".join(missing)}. Give the checkpoint of the whole published network.'
            )
        own = self.state_dict()
        theirs = {n if n in classifier else f'backbone.{n}': t for n, t in names.items()}
        taken = {ours: tensors[name] for ours, name in theirs.items()}
        check_values(taken, own, theirs, checkpoint)
        self.load_state_dict(own | taken)
