"""The plain network of an architecture: nothing of the search is left in it."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmtransfer.architecture import Architecture, unfinished
from mmtransfer.backbones.base import StagedBackbone
from mmtransfer.backbones.graph import run_graph
from mmtransfer.backbones.settings import Settings
from mmtransfer.registry import MODELS
from mmtransfer.seeds import SEEDS, Node
from mmtransfer.spaces import allocation, network, read_architecture


@MODELS.register_module()
class AdaptedBackbone(StagedBackbone):
    """A backbone made of blocks as an architecture says; skipped layers are gone.

    Args:
        architecture: Name of a seed (the published network itself), alone or with blocks
            (``resnet50:1,3,7,5``), path of an architecture file or of a checkpoint of the adapted
            network, which holds its architecture; the content of a file, or an architecture.
        blocks: With the name of a seed, how many blocks each stage of several keeps, for
            ``resnet50`` such as ``[1, 3, 7, 5]``.
        max_blocks: With ``blocks``, of the supernet that the weights will come from.
        expand_indices: The stages whose first block's expansion is returned as well, before the
            features of ``out_indices``; ascending (SSDLite).
        **settings: What all backbones share, see ``mmtransfer.backbones.Settings``.

    Raises:
        ArchitectureError: The architecture cannot be read or is not of its space.
        ValueError: Another argument is out of its range.
        TypeError: There is no such argument.
    """

    def __init__(
        self,
        architecture: Architecture | Mapping[str, Any] | str | os.PathLike,
        *,
        blocks: Sequence[int] | None = None,
        max_blocks: Sequence[int] | None = None,
        expand_indices: Sequence[int] = (),
        **settings: Any,
    ) -> None:
        shared = Settings.of(type(self), settings)
        if blocks is None:
            if max_blocks is not None:
                raise ValueError(
                    f'max_blocks says of which supernet blocks are; received {max_blocks} without '
                    f'blocks. Give both, or leave it out.'
                )
            found = read_architecture(architecture)
        elif isinstance(architecture, str) and architecture in SEEDS:
            found = allocation(architecture, blocks, max_blocks)
        else:
            raise ValueError(
                f'blocks go with the name of a seed ({", ".join(SEEDS)}); received blocks={blocks} '
                f'and architecture={architecture!r}. Set model.backbone.architecture to a seed, or '
                f'leave blocks out.'
            )
        warning = unfinished('the architecture is', found.provenance)
        if warning:
            print_log(warning, 'current', logging.WARNING)
        super().__init__(network(found, shared.output_stride), shared, expand_indices)
        self.architecture = found
        self.add_stages()
        self._expanding = [self.network.stages[i][0].name for i in self.expand_indices]
        self._outputs = [self.network.output(i) for i in self.out_indices]
        self._nodes = self.network.needed([*self._expanding, *self._outputs])
        listed = all(isinstance(stage, nn.ModuleList) for stage in self.stages)
        self._is_chain = listed and self.network.is_chain
        self.freeze()

    @classmethod
    def with_architecture(cls, config: Any, architecture: Any) -> Any:
        """The config of such a backbone with an architecture in place of its own."""
        own = ('architecture', 'blocks', 'max_blocks')
        kept = {key: value for key, value in config.items() if key not in own}
        return config.__class__(kept, architecture=architecture)

    def freeze(self) -> None:
        """Stop the stem and the first ``frozen_stages`` stages from learning."""
        super().freeze()
        # The module of a node may lie elsewhere than in the module of its stage.
        for node in self.network.nodes:
            if node.stage < self.frozen_stages:
                self.get_submodule(node.name).eval().requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of the stages in ``expand_indices``, then of those in ``out_indices``.

        Args:
            x: Images, (N, in_channels, H, W).

        Returns:
            One (N, C, H / s, W / s) per index, C as in ``out_channels``; sizes are rounded up.
        """
        x = self.begin(x)
        return self._run_chain(x) if self._is_chain else self._run_graph(x)

    def _run_chain(self, x: Tensor) -> tuple[Tensor, ...]:
        expansions, features = [], []
        stages: Any = self.stages
        for index, stage in enumerate(stages[: self.out_indices[-1] + 1]):
            blocks = iter(stage)
            if index in self.expand_indices:
                x, expanded = next(blocks).forward_with_expansion(x)
                expansions.append(expanded)
            for block in blocks:
                x = block(x)
            if index in self.out_indices:
                features.append(x)
        return (*expansions, *features)

    def _run_graph(self, x: Tensor) -> tuple[Tensor, ...]:
        expansions: dict[int, Tensor] = {}

        def run(node: Node, *inputs: Tensor) -> Tensor:
            module: Any = self.get_submodule(node.name)
            if node.name not in self._expanding:
                return module(*inputs)
            output, expansions[node.stage] = module.forward_with_expansion(*inputs)
            return output

        outputs = run_graph(self._nodes, run, x, self._outputs)
        in_order = (expansions[stage] for stage in self.expand_indices)
        return (*in_order, *(outputs[name] for name in self._outputs))
