"""The supernet of FNA++, as a config names it."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmtransfer.backbones.layerwise import LayerwiseSupernet
from mmtransfer.registry import MODELS
from mmtransfer.spaces.around import build_space
from mmtransfer.spaces.kinds import kind_around
from mmtransfer.spaces.mbconv import MBCONV
from mmtransfer.spaces.residual import RESIDUAL

KINDS = (MBCONV, RESIDUAL)  # of which there is a supernet here, by the seed


@MODELS.register_module()
class FNASupernet(LayerwiseSupernet):
    """All architectures of the space around a seed in one backbone (FNA++, Table 1 and Table 7).

    Args:
        seed: Name of the network that the space is built around.
        layers, kernels, expansions, min_layers, restrict: What the space around a seed of MBConv
            blocks offers, see ``mmtransfer.spaces.mbconv_space``.
        ops: What that around a ResNet offers, see ``mmtransfer.spaces.residual_space``.
        **settings: ``temperature``, ``expand_indices`` and what all backbones share, see
            ``LayerwiseSupernet`` and ``mmtransfer.backbones.Settings``.

    Raises:
        SpaceError: The arguments make no space.
        ValueError: Another argument is out of its range.
        TypeError: There is no such argument.
    """

    def __init__(
        self,
        seed: str = 'mobilenet_v2',
        *,
        layers: Sequence[int] | None = None,
        kernels: Sequence[int] | None = None,
        expansions: Sequence[int] | None = None,
        min_layers: int | None = None,
        restrict: Mapping[str, Sequence[str]] | None = None,
        ops: Sequence[str] | None = None,
        **settings: Any,
    ) -> None:
        offered = dict(
            layers=layers,
            kernels=kernels,
            expansions=expansions,
            min_layers=min_layers,
            restrict=restrict,
            ops=ops,
        )
        rule = {name: value for name, value in offered.items() if value is not None}
        super().__init__(build_space(kind_around(seed, KINDS), seed, rule), **settings)
