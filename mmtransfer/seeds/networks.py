"""Networks spelled out as nodes. No torch here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mmtransfer.limits import listed
from mmtransfer.seeds.ops import Axis, Conv, Op, Shape
from mmtransfer.seeds.published import SKIP, Seed, find_seed

OUTPUT_STRIDES = (8, 16, 32)
STEM = 'stem'  # what the first node reads: the features before the first stage
Size = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """One block of a network: an op and what it reads.

    A node of several inputs reads their sum, so that they must have one shape; only an op that
    joins them (``mmtransfer.seeds.ops.Op.joins``) is given each.

    Args:
        name: Name of its module, ``'stages.S.J'``.
        op: What it computes.
        inputs: Names of the nodes that it reads, all earlier ones, or ``STEM``.
        in_channels, out_channels, stride: Of the op.
        dilation: Of its spatial convolution.
        stage: S, counted from 0 over all stages.
        index: J, its index in the stage after skipped layers are dropped.
        position: Its index in the stage before that.
        choice: The choice that decided it, ``'stageS.layerL'`` with L its position; None for a
            node that is not searched.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    in_channels: int
    out_channels: int
    stride: int
    dilation: int
    stage: int
    index: int
    position: int
    choice: str | None = None

    @cached_property
    def convs(self) -> tuple[Conv, ...]:
        """Its convolutions, in module order."""
        return self.op.convs(self.in_channels, self.out_channels, self.stride)

    @property
    def parameters(self) -> Mapping[str, Shape]:
        """Name -> shape of what it has beside its convolutions."""
        return self.op.parameters(self.in_channels, self.out_channels)

    @property
    def expanded_channels(self) -> int:
        """Channels of its expansion, 0 where it has none to return."""
        return self.op.expanded_channels(self.in_channels)


@dataclass(frozen=True)
class Network:
    """A network spelled out: its nodes in an order in which they can run, stage after stage.

    Raises:
        ValueError: Two nodes of one name, or one that reads what is not before it, or one of an
            earlier stage than the node before it.
    """

    seed: Seed
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        if list(self.nodes) != sorted(self.nodes, key=lambda node: node.stage):
            raise ValueError(
                f'the nodes must come stage after stage; received those of stages '
                f'{listed([str(node.stage) for node in self.nodes])}.'
            )
        before = {STEM}
        for node in self.nodes:
            if node.name in before or not node.inputs or not before.issuperset(node.inputs):
                raise ValueError(
                    f'a node must have a name of its own and read earlier nodes, at least one; '
                    f'{node.name!r} reads {listed(node.inputs)}, before it are {listed(before)}.'
                )
            before.add(node.name)

    @cached_property
    def stages(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes of each stage, which may have none."""
        count = len(self.seed.stages)
        return tuple(tuple(n for n in self.nodes if n.stage == s) for s in range(count))

    def output(self, stage: int) -> str:
        """Name of what gives the features after a stage (0-based, over all stages): the last node
        of it or of those before, ``STEM`` where there is none."""
        return next((n.name for n in reversed(self.nodes) if n.stage <= stage), STEM)

    @cached_property
    def is_chain(self) -> bool:
        """Whether each node reads the one before it and nothing else."""
        before = [STEM, *(node.name for node in self.nodes)]
        return all(n.inputs == (b,) for n, b in zip(self.nodes, before, strict=False))

    def needed(self, names: Iterable[str]) -> tuple[Node, ...]:
        """The nodes that these are computed from, themselves included, in their order."""
        wanted, kept = set(names), []
        for node in reversed(self.nodes):
            if node.name in wanted:
                wanted.update(node.inputs)
                kept.append(node)
        return tuple(reversed(kept))

    @cached_property
    def axes(self) -> list[Axis]:
        """The hidden channels of its ops, each kind once."""
        axes: list[Axis] = []
        for node in self.nodes:
            if node.op.hidden is not None and node.op.hidden not in axes:
                axes.append(node.op.hidden)
        return axes

    @cached_property
    def channels(self) -> dict[str, int]:
        """Name -> output channels, of every node and of ``STEM``."""
        return {STEM: self.seed.stem_channels} | {n.name: n.out_channels for n in self.nodes}

    def sizes(self, input_size: Size) -> dict[str, Size]:
        """Name -> (H, W) of the output, of every node and of ``STEM``, for such images."""
        sizes = {STEM: strided(input_size, self.seed.stem_stride)}
        for node in self.nodes:
            sizes[node.name] = strided(sizes[node.inputs[0]], node.stride)
        return sizes

    def reading(self, in_channels: int) -> 'Network':
        """The same network for images of so many channels."""
        return replace(self, seed=replace(self.seed, in_channels=in_channels))

    def out_channels(self, out_indices: Sequence[int]) -> tuple[int, ...]:
        """Channels of the features after these stages (0-based, over all stages)."""
        count = len(self.stages)
        wrong = [i for i in out_indices if not 0 <= i < count]
        if wrong:
            raise ValueError(
                f'out_indices must lie between 0 and {count - 1}, the stages of {self.seed.name}; '
                f'received {tuple(out_indices)}'
            )
        return tuple(self.channels[self.output(i)] for i in out_indices)


def strided(size: Size, stride: int) -> Size:
    """(H, W) after a stride, of whatever keeps the size at stride 1: rounded up."""
    return -(-size[0] // stride), -(-size[1] // stride)


def stem_convs(seed: Seed) -> tuple[Conv, ...]:
    """The convolutions before the first stage, in module order; the first one reads the images."""
    kernel, width = seed.stem_kernel, seed.stem_channels
    if not seed.deep_stem:
        return (Conv('stem', seed.in_channels, width, kernel, 2),)
    return (
        Conv('stem.0', seed.in_channels, width // 2, kernel, 2),
        Conv('stem.1', width // 2, width // 2, kernel, 2),
        Conv('stem.2', width // 2, width, kernel, 2),
    )


def choice_name(stage: int, layer: int) -> str:
    """Name of the choice at a layer, counted from 0 before skipped layers are dropped."""
    return f'stage{stage}.layer{layer}'


def stage_strides(seed: Seed, output_stride: int = 32) -> tuple[tuple[int, int], ...]:
    """Stride of the first block and dilation of all blocks, per stage.

    Once the features have the output stride, strides become dilations: of every spatial convolution
    of the stage, the first one included.

    Args:
        seed: The network.
        output_stride: Size of the image over that of the last features: 8, 16 or 32.

    Raises:
        ValueError: Another output stride.
    """
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(
            f'output_stride must be one of {", ".join(map(str, OUTPUT_STRIDES))}; received '
            f'{output_stride!r}'
        )
    at, dilation, result = seed.stem_stride, 1, []
    for stage in seed.stages:
        if at * stage.stride > output_stride:
            dilation *= stage.stride
            result.append((1, dilation))
        else:
            at *= stage.stride
            result.append((stage.stride, dilation))
    return tuple(result)


def spell_out(
    seed: Seed,
    ops: Sequence[Sequence[str]],
    output_stride: int = 32,
    searched: Sequence[bool] | None = None,
) -> Network:
    """The chain of nodes of a network.

    Args:
        seed: Gives channels, strides and the kind of block.
        ops: Per stage the texts of the ops at its positions, ``'skip'`` for none.
        output_stride: As for ``stage_strides``.
        searched: Per stage whether choices decide it; by default none.
    """
    strides = stage_strides(seed, output_stride)
    nodes: list[Node] = []
    for s, of_stage in enumerate(ops):
        kept = [(n, op) for n, op in enumerate(of_stage) if op != SKIP]
        for j, (n, op) in enumerate(kept):
            choice = choice_name(s, n) if searched is not None and searched[s] else None
            reads = (nodes[-1].name if nodes else STEM,)
            nodes.append(node_at(seed, strides, s, j, n, seed.op(op), choice, reads))
    return Network(seed, tuple(nodes))


def node_at(
    seed: Seed,
    strides: Sequence[tuple[int, int]],
    stage: int,
    index: int,
    position: int,
    op: Op,
    choice: str | None,
    inputs: tuple[str, ...],
) -> Node:
    """The node with this op at an index of a stage; the first one has the stage's stride."""
    channels = seed.stages[stage].channels
    before = seed.stages[stage - 1].channels if stage else seed.stem_channels
    stride, dilation = strides[stage]
    return Node(
        name=f'stages.{stage}.{index}',
        op=op,
        inputs=inputs,
        in_channels=channels if index else before,
        out_channels=channels,
        stride=1 if index else stride,
        dilation=dilation,
        stage=stage,
        index=index,
        position=position,
        choice=choice,
    )


def seed_network(name: str, output_stride: int = 32) -> Network:
    """The network of the seed itself, of which nothing is searched."""
    seed = find_seed(name)
    return spell_out(seed, [stage.ops for stage in seed.stages], output_stride)


def deepened(ops: Sequence[str], count: int) -> tuple[str, ...]:
    """The first ``count`` ops of a stage; its last one is repeated where it has fewer."""
    return (*ops, *[ops[-1]] * count)[:count]
