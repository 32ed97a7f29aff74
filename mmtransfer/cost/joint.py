"""A cost table for spaces in which the cost of an option depends on other choices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mmtransfer.architecture import Architecture
from mmtransfer.cost.formulas import Size
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import record_of
from mmtransfer.spaces.kind import JointCosts

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class JointTable:
    """A ``mmtransfer.cost.CostTable`` of a kind of space that has no parts of its own per
    option: what an architecture costs are the nodes that are left of it.

    Args:
        space: The space; its record is one of ``mmtransfer.spaces.kind.JointCosts`` too.
        input_size: (H, W) of the image.
        metric: Name of one of ``mmtransfer.cost.metrics.METRICS``.
        fixed: Cost of the stem.
        entries: Name of each node of the supernet -> the text of its op -> its cost.
        output_stride: Of the backbone: 8, 16 or 32.
        in_channels: Of the images.
    """

    space: SearchSpace
    input_size: Size
    metric: str
    fixed: float
    entries: Mapping[str, Mapping[str, float]]
    output_stride: int = 32
    in_channels: int = 3

    def of(self, architecture: Architecture) -> float:
        """Cost of the whole backbone with this architecture, dead nodes removed.

        Raises:
            SpaceError: It is not of the table's space.
        """
        self.space.check(architecture)
        kind = record_of(self.space)
        network = kind.network(self.space, architecture, self.output_stride)
        origins = kind.from_supernet(self.space, network)
        return self.fixed + sum(self._cost_of(str(origins[node.name])) for node in network.nodes)

    def expected(self, probabilities: 'Mapping[str, Tensor]') -> 'Tensor':
        """Expected cost of all but the stem, by the formula of the kind: a differentiable scalar.

        Args:
            probabilities: Per choice a tensor with one probability per option, in their order.
        """
        return self._kind.expected(self.space, probabilities, self._cost_of)

    def bounds(self) -> tuple[float, float]:
        """Cost of the cheapest and of the most expensive valid backbone."""
        low, high = self._kind.bounds(self.space, self._cost_of)
        return self.fixed + low, self.fixed + high

    def _cost_of(self, node: str) -> float:
        (cost,) = self.entries[node].values()
        return cost

    @property
    def _kind(self) -> JointCosts:
        return cast(JointCosts, record_of(self.space))
