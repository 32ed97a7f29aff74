"""Architectures spelled out as layers. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mmtransfer.seeds.ops import BLOCKS, Conv, parse_op
from mmtransfer.seeds.published import SKIP, Seed, family_of, find_seed

OUTPUT_STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class Layer:
    """One block of a network.

    Args:
        name: Name of its module, ``'stages.S.J'``.
        stage: S, counted from 0 over all stages.
        index: J, its index in the stage after skipped layers are dropped.
        position: Its index in the stage before that.
        choice: The choice that decided it, ``'stageS.layerL'`` with L its position; None for a
            layer that is not searched.
        block: Kind of block, a key of :data:`mmtransfer.seeds.ops.BLOCKS`.
        op: ``'k3e6'`` or ``'k3g1'``.
        in_channels, out_channels, stride: Of the block.
        dilation: Of its spatial convolution.
    """

    name: str
    stage: int
    index: int
    position: int
    choice: str | None
    block: str
    op: str
    in_channels: int
    out_channels: int
    stride: int
    dilation: int = 1

    @property
    def family(self) -> str:
        """``'mbconv'`` or ``'residual'``."""
        return family_of(self.block)

    @cached_property
    def convs(self) -> tuple[Conv, ...]:
        """Its convolutions, in module order."""
        return BLOCKS[self.block](self.in_channels, self.out_channels, self.stride, self.op)

    @property
    def kernel(self) -> int:
        """Of its searched convolution."""
        return parse_op(self.op)[0]

    @property
    def expansion(self) -> int:
        """Hidden channels of an MBConv per input channel."""
        return parse_op(self.op)[1] if self.family == 'mbconv' else 1

    @property
    def groups(self) -> int:
        """Groups of a residual block's searched convolution."""
        return 1 if self.family == 'mbconv' else parse_op(self.op)[1]

    @property
    def hidden(self) -> int:
        """Channels of an MBConv's depthwise convolution."""
        return self.in_channels * self.expansion

    @property
    def residual(self) -> bool:
        """Whether the block's input is added to its output as it is."""
        return self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True)
class Network:
    """A network spelled out: its layers in order, without skipped ones."""

    seed: Seed
    layers: tuple[Layer, ...]

    @cached_property
    def stages(self) -> tuple[tuple[Layer, ...], ...]:
        """The layers of each stage."""
        count = len(self.seed.stages)
        return tuple(tuple(la for la in self.layers if la.stage == s) for s in range(count))

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
        return tuple(self.stages[i][-1].out_channels for i in out_indices)


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
    """The layers of a network.

    Args:
        seed: Gives channels, strides and the kind of block.
        ops: Per stage the ops of its positions, ``'skip'`` for none.
        output_stride: As for :func:`stage_strides`.
        searched: Per stage whether choices decide it; by default none.
    """
    strides = stage_strides(seed, output_stride)
    layers: list[Layer] = []
    for s, of_stage in enumerate(ops):
        kept = [(n, op) for n, op in enumerate(of_stage) if op != SKIP]
        for j, (n, op) in enumerate(kept):
            choice = choice_name(s, n) if searched is not None and searched[s] else None
            layers.append(layer_at(seed, strides, s, j, n, op, choice))
    return Network(seed, tuple(layers))


def layer_at(
    seed: Seed,
    strides: Sequence[tuple[int, int]],
    stage: int,
    index: int,
    position: int,
    op: str,
    choice: str | None,
) -> Layer:
    """The layer with this op at an index of a stage; the first one has the stage's stride."""
    channels = seed.stages[stage].channels
    before = seed.stages[stage - 1].channels if stage else seed.stem_channels
    stride, dilation = strides[stage]
    return Layer(
        name=f'stages.{stage}.{index}',
        stage=stage,
        index=index,
        position=position,
        choice=choice,
        block=seed.block,
        op=op,
        in_channels=channels if index else before,
        out_channels=channels,
        stride=1 if index else stride,
        dilation=dilation,
    )


def seed_network(name: str, output_stride: int = 32) -> Network:
    """The layers of the seed itself."""
    seed = find_seed(name)
    searched = [seed.family != 'mbconv' or s > 0 for s in range(len(seed.stages))]
    return spell_out(seed, [stage.ops for stage in seed.stages], output_stride, searched)


def deepened(ops: Sequence[str], count: int) -> tuple[str, ...]:
    """The first ``count`` ops of a stage; its last one is repeated where it has fewer."""
    return (*ops, *[ops[-1]] * count)[:count]
