"""Cost per (choice, option), filled once for a space and an input size; a search looks it up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from mmtransfer.architecture import Architecture
from mmtransfer.cost.additive import AdditiveTable
from mmtransfer.cost.formulas import Size
from mmtransfer.cost.joint import JointTable
from mmtransfer.cost.metrics import METRICS, counted_metrics
from mmtransfer.space import SearchSpace
from mmtransfer.spaces import record_of

if TYPE_CHECKING:
    from torch import Tensor


class CostTable(Protocol):
    """What the backbones of a space cost. No forward pass is needed to know.

    What rests on costs that add up asks for an ``mmtransfer.cost.AdditiveTable``.
    """

    @property
    def space(self) -> SearchSpace:
        """Whose backbones."""

    @property
    def metric(self) -> str:
        """Name of one of ``mmtransfer.cost.metrics.METRICS``."""

    @property
    def input_size(self) -> Size:
        """(H, W) of the image."""

    @property
    def output_stride(self) -> int:
        """Of the backbone: 8, 16 or 32."""

    @property
    def in_channels(self) -> int:
        """Of the image."""

    @property
    def fixed(self) -> float:
        """Cost of what is not searched; 0 where it cannot be told apart."""

    def of(self, architecture: Architecture) -> float:
        """Cost of the whole backbone with this architecture, dead parts removed."""

    def expected(self, probabilities: 'Mapping[str, Tensor]') -> 'Tensor':
        """Expected cost of what is searched, all but ``fixed``: a differentiable scalar.

        Args:
            probabilities: Per choice a tensor with one probability per option, in their order.
        """

    def bounds(self) -> tuple[float, float]:
        """Cost of the cheapest and of the most expensive valid backbone, or limits that none of
        them exceeds."""


def cost_table(
    space: SearchSpace,
    input_size: Size,
    metric: str = 'madds',
    output_stride: int = 32,
    in_channels: int = 3,
) -> CostTable:
    """The costs of all options of a space.

    Args:
        space: A space around a seed.
        input_size: (H, W) of the image.
        metric: Name of one of ``mmtransfer.cost.metrics.METRICS`` that is counted, such as
            ``'madds'`` (multiply-adds) or ``'params'``.
        output_stride: Of the backbone: 8, 16 or 32; strides beyond it are dilations.
        in_channels: Of the images.

    Raises:
        ValueError: An unknown metric or output stride, or an input size that is not two positive
            integers.
    """
    names = counted_metrics()
    if metric not in names:
        raise ValueError(f'metric must be one of {", ".join(names)}; received {metric!r}')
    counted: Any = METRICS[metric]
    size = tuple(input_size)
    if len(size) != 2 or not all(type(v) is int and v > 0 for v in size):
        raise ValueError(f'input_size must be (H, W), both positive integers; received {size}')

    kind = record_of(space)
    network = kind.supernet(space, output_stride).reading(in_channels)
    sizes = network.sizes(size)
    costs = {node.name: counted.node(node, sizes[node.inputs[0]]) for node in network.nodes}
    fixed = counted.fixed(network.seed, size)
    parts = kind.parts(space, output_stride)
    if parts is None:
        nodes = {node.name: {node.op.text: costs[node.name]} for node in network.nodes}
        return JointTable(space, size, metric, fixed, nodes, output_stride, in_channels)
    fixed += sum(costs[node.name] for node in parts.fixed)
    entries = {
        name: {option: sum(costs[n.name] for n in nodes) for option, nodes in options.items()}
        for name, options in parts.options.items()
    }
    return AdditiveTable(space, size, metric, fixed, entries, output_stride, in_channels)


def table_for(
    train_cfg: Mapping[str, Any],
    space: SearchSpace,
    output_stride: int = 32,
    in_channels: int = 3,
) -> CostTable:
    """The cost table that a search config asks for.

    Args:
        train_cfg: Of the search config. ``metric`` is the name of one of
            ``mmtransfer.cost.metrics.METRICS``, by default ``'madds'``; ``input_size`` is
            (H, W); ``latency_table``, for what is measured, see
            ``mmtransfer.cost.latency.asked_latency``.
        space: The space that is searched.
        output_stride: Of the supernet.
        in_channels: Of the images that it reads.

    Raises:
        ValueError: An unknown metric, or a latency table where none belongs.
        LatencyTableError: There is no latency table, or it does not hold here.
    """
    name, source = train_cfg.get('metric', 'madds'), train_cfg.get('latency_table')
    size = (int(train_cfg['input_size'][0]), int(train_cfg['input_size'][1]))
    if name not in METRICS:
        raise ValueError(f'metric must be one of {", ".join(METRICS)}; received {name!r}')
    own_table = METRICS[name].table
    if own_table is not None:
        return own_table(space, size, output_stride, in_channels, source)
    if source is not None:
        raise ValueError(
            f"latency_table is for metric='latency'; received {source!r} with metric {name!r}. "
            f'Leave it out, or set the metric.'
        )
    return cost_table(space, size, name, output_stride, in_channels)
