"""The plain network of an architecture: nothing of the search is left in it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from mmtransfer.architecture import Architecture
from mmtransfer.backbones.base import MBConvBackbone
from mmtransfer.registry import MODELS
from mmtransfer.seeds import network, read_architecture


@MODELS.register_module()
class AdaptedBackbone(MBConvBackbone):
    """A backbone made of MBConv blocks as an architecture says; skipped layers are gone.

    Args:
        architecture: Name of a seed (the published network itself), path of an architecture file,
            the content of one, or an architecture.
        out_indices: The stages (from 0, over all stages) whose features are returned, ascending.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages.
        norm_cfg: MMCV config of a batch norm; eps and momentum are the seed's unless it sets them.
        norm_eval: Every norm uses its running statistics in training too.
        with_cp: Recompute the blocks' activations in the backward pass.
        init_cfg: As MMEngine's, or ``dict(type='mmtransfer.Remap', checkpoint=...)`` to take the
            weights from a checkpoint of the seed network.

    Raises:
        ArchitectureError: The architecture cannot be read or is not of its space.
        ValueError: Another argument is out of its range.
    """

    def __init__(
        self,
        architecture: Architecture | Mapping[str, Any] | str | os.PathLike,
        out_indices: Sequence[int] = (1, 2, 4, 6),
        frozen_stages: int = -1,
        norm_cfg: dict[str, Any] | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        found = read_architecture(architecture)
        layout = network(found)
        super().__init__(
            layout.seed, out_indices, frozen_stages, norm_cfg, norm_eval, with_cp, init_cfg
        )
        self.architecture = found
        self.network = layout
        for layers in layout.stages:
            self.stages.append(
                nn.ModuleList(
                    self.block(
                        layer.in_channels,
                        layer.out_channels,
                        layer.kernel,
                        layer.stride,
                        layer.expansion,
                    )
                    for layer in layers
                )
            )
        self.freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of the stages in ``out_indices``.

        Args:
            x: Images, (N, 3, H, W).

        Returns:
            One (N, C, H / s, W / s) per index, C as in ``out_channels``; sizes are rounded up.
        """
        x = self.stem(x)
        features = []
        stages: Any = self.stages
        for index, stage in enumerate(stages[: self.out_indices[-1] + 1]):
            for block in stage:
                x = block(x)
            if index in self.out_indices:
                features.append(x)
        return tuple(features)
