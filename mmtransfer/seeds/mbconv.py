"""Networks of MBConv blocks: the published seeds, the space around one, architectures as layers.

The space is that of FNA++, Table 1: the seed's stages keep their channels and strides, the first
(16 channels) stays as it is, and each layer of the others takes a kernel and an expansion ratio or,
but for the first layer of a stage, is skipped. The convolutions after the last stage and the
classifier belong to the seed alone; a detector's backbone has none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ..architecture import Architecture
from ..space import Choice, MinLayers, SearchSpace, SpaceError

SKIP = 'skip'


@dataclass(frozen=True)
class Stage:
    """Blocks of equal output width; the first one carries the stride.

    Args:
        channels: Output channels of every block.
        stride: Stride of the first block.
        ops: One op per layer, ``'k3e6'`` for kernel 3 and expansion 6, or ``'skip'``.
    """

    channels: int
    stride: int
    ops: tuple[str, ...]


@dataclass(frozen=True)
class Seed:
    """A published network and how its blocks are made.

    Args:
        name: How configs call it.
        stem_channels: Output channels of the 3x3 stem, which has stride 2.
        stages: Its blocks.
        head_channels: Width of the 1x1 convolution before the classifier.
        act: Activation of the expansion and depthwise convolutions.
        norm_eps: Epsilon of its batch normalisation.
        norm_momentum: Momentum of its batch normalisation.
        same_padding: Whether stride-2 convolutions pad as TensorFlow's SAME does.
        num_classes: Classes of the classifier.
    """

    name: str
    stem_channels: int
    stages: tuple[Stage, ...]
    head_channels: int = 1280
    act: str = 'ReLU6'
    norm_eps: float = 1e-5
    norm_momentum: float = 0.1
    same_padding: bool = False
    num_classes: int = 1000


SEEDS = {
    seed.name: seed
    for seed in (
        Seed(
            name='mobilenet_v2',
            stem_channels=32,
            stages=(
                Stage(16, 1, ('k3e1',)),
                Stage(24, 2, ('k3e6',) * 2),
                Stage(32, 2, ('k3e6',) * 3),
                Stage(64, 2, ('k3e6',) * 4),
                Stage(96, 1, ('k3e6',) * 3),
                Stage(160, 2, ('k3e6',) * 3),
                Stage(320, 1, ('k3e6',)),
            ),
        ),
        Seed(
            name='efficientnet_lite0',
            stem_channels=32,
            stages=(
                Stage(16, 1, ('k3e1',)),
                Stage(24, 2, ('k3e6',) * 2),
                Stage(40, 2, ('k5e6',) * 2),
                Stage(80, 2, ('k3e6',) * 3),
                Stage(112, 1, ('k5e6',) * 3),
                Stage(192, 2, ('k5e6',) * 4),
                Stage(320, 1, ('k3e6',)),
            ),
            norm_eps=1e-3,
            norm_momentum=0.01,
            same_padding=True,
        ),
    )
}


@dataclass(frozen=True)
class Layer:
    """One MBConv block of a network.

    Args:
        name: Name of its module, ``'stages.S.J'``.
        stage: S, counted from 0 over all stages.
        index: J, its index in the stage after skipped layers are dropped.
        choice: The choice that decided it, ``'stageS.layerL'`` with L its index before that; None
            for a layer that is not searched.
        op: ``'k3e6'``.
        in_channels, out_channels, stride, kernel, expansion: Of the block.
    """

    name: str
    stage: int
    index: int
    choice: str | None
    op: str
    in_channels: int
    out_channels: int
    stride: int
    kernel: int
    expansion: int

    @property
    def hidden(self) -> int:
        """Channels of the depthwise convolution."""
        return self.in_channels * self.expansion

    @property
    def residual(self) -> bool:
        """Whether the block's input is added to its output."""
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


def parse_op(op: str) -> tuple[int, int]:
    """Kernel and expansion of an op: ``'k5e3'`` -> (5, 3)."""
    found = re.fullmatch(r'k([1-9]\d*)e([1-9]\d*)', op)
    if not found:
        raise SpaceError(f"an op must read like 'k5e3', kernel 5 and expansion 3; received {op!r}")
    return int(found[1]), int(found[2])


def choice_name(stage: int, layer: int) -> str:
    """Name of the choice at a layer, counted from 0 before skipped layers are dropped."""
    return f'stage{stage}.layer{layer}'


def find_seed(name: str) -> Seed:
    """The seed of this name.

    Raises:
        SpaceError: There is none; the message lists those there are.
    """
    if name not in SEEDS:
        raise SpaceError(f'the seed must be one of {", ".join(SEEDS)}; received {name!r}')
    return SEEDS[name]


def mbconv_space(
    seed: str,
    layers: Sequence[int] = (4, 4, 4, 4, 4, 1),
    kernels: Sequence[int] = (3, 5, 7),
    expansions: Sequence[int] = (3, 6),
    min_layers: int | None = None,
) -> SearchSpace:
    """The space around an MBConv seed (FNA++, Table 1).

    Args:
        seed: Name of the seed.
        layers: How many layers each searched stage (all but the first) may have at most.
        kernels: Kernel sizes to choose from, odd.
        expansions: Expansion ratios to choose from.
        min_layers: Every stage keeps at least so many layers, or all it has where that is fewer.

    Raises:
        SpaceError: An unknown seed, or values that make no space.
    """
    return _space(seed, tuple(layers), tuple(kernels), tuple(expansions), min_layers)


@lru_cache(maxsize=64)
def _space(
    seed: str,
    layers: tuple[int, ...],
    kernels: tuple[int, ...],
    expansions: tuple[int, ...],
    min_layers: int | None,
) -> SearchSpace:
    searched = len(find_seed(seed).stages) - 1
    if len(layers) != searched or not all(_positive(n) for n in layers):
        raise SpaceError(
            f'layers must give a positive number for each of the {searched} searched stages of '
            f'{seed}; received {list(layers)}'
        )
    if not kernels or not all(_positive(k) and k % 2 for k in kernels):
        raise SpaceError(
            f'kernels must be odd and positive, at least one; received {list(kernels)}'
        )
    if not expansions or not all(_positive(e) for e in expansions):
        raise SpaceError(f'expansions must be positive, at least one; received {list(expansions)}')
    if min_layers is not None and not _positive(min_layers):
        raise SpaceError(f'min_layers must be positive or None; received {min_layers!r}')
    ops = tuple(f'k{k}e{e}' for k in kernels for e in expansions)
    stages = [[choice_name(s, n) for n in range(depth)] for s, depth in enumerate(layers, start=1)]
    choices = (Choice(n, ops + (SKIP,) * (n != names[0])) for names in stages for n in names)
    guarded = [(names, min(min_layers or 1, len(names))) for names in stages]
    rule = {
        'layers': list(layers),
        'kernels': list(kernels),
        'expansions': list(expansions),
        'min_layers': min_layers,
    }
    return SearchSpace(
        name='mbconv',
        seed=seed,
        rule=rule,
        choices=tuple(choices),
        constraints=tuple(MinLayers(tuple(names), n) for names, n in guarded if n > 1),
    )


def _positive(value: Any) -> bool:
    return type(value) is int and value > 0


def space_stages(space: SearchSpace) -> tuple[tuple[Choice, ...], ...]:
    """The choices of each stage over all stages of the seed; none in the first one."""
    count = len(find_seed(space.seed).stages)
    return tuple(
        tuple(c for c in space.choices if c.name.startswith(f'stage{s}.')) for s in range(count)
    )


def network(architecture: Architecture) -> Network:
    """The layers of an architecture; skipped ones are dropped and the others move up.

    Raises:
        SpaceError: The architecture is not of the space that its seed and rule make.
    """
    space = mbconv_space(architecture.seed, **architecture.rule)
    space.check(architecture)
    seed = find_seed(architecture.seed)
    ops = [[architecture[c.name] for c in choices] for choices in space_stages(space)]
    return _lay_out(seed, [seed.stages[0].ops, *ops[1:]])


def seed_network(name: str) -> Network:
    """The layers of the seed itself."""
    seed = find_seed(name)
    return _lay_out(seed, [stage.ops for stage in seed.stages])


def _lay_out(seed: Seed, ops: Sequence[Sequence[str]]) -> Network:
    layers: list[Layer] = []
    width = seed.stem_channels
    for s, stage in enumerate(seed.stages):
        kept = [(n, op) for n, op in enumerate(ops[s]) if op != SKIP]
        for j, (n, op) in enumerate(kept):
            name, choice = f'stages.{s}.{j}', choice_name(s, n) if s else None
            stride = stage.stride if j == 0 else 1
            layer = Layer(name, s, j, choice, op, width, stage.channels, stride, *parse_op(op))
            layers.append(layer)
            width = stage.channels
    return Network(seed, tuple(layers))


def seed_architecture(name: str, **rule: Any) -> Architecture:
    """The seed as an architecture of the space around it: its own ops, then skips.

    Args:
        name: Name of the seed.
        **rule: As for :func:`mbconv_space`.

    Raises:
        SpaceError: The space does not contain the seed, its stages being too short for instance.
    """
    space = mbconv_space(name, **rule)
    options: dict[str, str] = {}
    for stage, choices in zip(find_seed(name).stages, space_stages(space), strict=True):
        if choices and len(choices) < len(stage.ops):
            raise SpaceError(
                f'{name} has {len(stage.ops)} layers in its stage of {stage.channels} channels; '
                f'layers = {space.rule["layers"]} allows {len(choices)}. Allow more, or ask for '
                f'closest_to_seed.'
            )
        padded = [*stage.ops, *[SKIP] * (len(choices) - len(stage.ops))]
        options.update((c.name, op) for c, op in zip(choices, padded, strict=False))
    return space.architecture(options, provenance={'source': f'the seed {name}'})


def closest_to_seed(space: SearchSpace) -> Architecture:
    """The architecture of an MBConv space most like its seed; the seed itself if it is there.

    Stages that are too short drop the seed's last layers, stages that must be longer repeat its
    last op, and an op that is not offered becomes the nearest in kernel, then in expansion.
    """
    options: dict[str, str] = {}
    least = space.rule['min_layers'] or 1
    for stage, choices in zip(find_seed(space.seed).stages, space_stages(space), strict=True):
        for n, choice in enumerate(choices):
            if n < max(len(stage.ops), least):
                options[choice.name] = _nearest(
                    stage.ops[min(n, len(stage.ops) - 1)], choice.options
                )
            else:
                options[choice.name] = SKIP
    return space.architecture(options)


def _nearest(op: str, options: Sequence[str]) -> str:
    kernel, expansion = parse_op(op)

    def distance(option: str) -> tuple[int, int]:
        k, e = parse_op(option)
        return abs(k - kernel), abs(e - expansion)

    return min((option for option in options if option != SKIP), key=distance)
