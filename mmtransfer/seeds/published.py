"""The published seeds, as data. No torch here."""

from dataclasses import dataclass, replace
from typing import Any

from mmtransfer.limits import listed, short
from mmtransfer.seeds.kinds import BLOCK_KINDS, BlockKind
from mmtransfer.seeds.ops import Op
from mmtransfer.space import SpaceError

SKIP = 'skip'


@dataclass(frozen=True)
class Stage:
    """Blocks of equal output width; the first one carries the stride.

    Args:
        channels: Output channels of every block.
        stride: Stride of the first block.
        ops: One op per layer: ``'k3e6'`` for an MBConv of kernel 3 and expansion 6, ``'k3g1'`` for
            a residual block of kernel 3 and 1 group, or ``'skip'``; variants of residual blocks as
            in ``mmtransfer.seeds.residual.Residual``.
    """

    channels: int
    stride: int
    ops: tuple[str, ...]


@dataclass(frozen=True)
class Seed:
    """A published network and how its blocks are made.

    Args:
        name: How configs call it.
        stem_channels: Output channels of the stem, a convolution of stride 2.
        stages: Its blocks.
        block: Kind of its blocks, a key of ``mmtransfer.seeds.kinds.BLOCK_KINDS``.
        stem_kernel: Kernel size of the stem.
        stem_pool: Whether a 3x3 max pooling of stride 2 follows the stem.
        deep_stem: The stem is three convolutions, of which the first has stride 2 and the first two
            half of the channels (ResNet-C, Bag of Tricks, Fig. 2b).
        head_channels: Width of the 1x1 convolution before the classifier; 0: there is none.
        act: Activation.
        norm_eps: Epsilon of its batch normalisation.
        norm_momentum: Momentum of its batch normalisation.
        same_padding: Whether stride-2 convolutions pad as TensorFlow's SAME does.
        num_classes: Classes of the classifier.
        in_channels: Channels of the images; every published seed reads RGB.
    """

    name: str
    stem_channels: int
    stages: tuple[Stage, ...]
    block: str = 'mbconv'
    stem_kernel: int = 3
    stem_pool: bool = False
    deep_stem: bool = False
    head_channels: int = 1280
    act: str = 'ReLU6'
    norm_eps: float = 1e-5
    norm_momentum: float = 0.1
    same_padding: bool = False
    num_classes: int = 1000
    in_channels: int = 3

    @property
    def kind(self) -> BlockKind:
        """What its blocks have in common.

        Raises:
            SpaceError: There is no such kind of block.
        """
        if self.block not in BLOCK_KINDS:
            raise SpaceError(
                f"a seed's block must be one of {listed(BLOCK_KINDS)}; {self.name} has "
                f'{short(self.block)}. Another kind must be registered first: '
                f'mmtransfer.seeds.register_block'
            )
        return BLOCK_KINDS[self.block]

    def op(self, text: str) -> Op:
        """The op that a text stands for among its blocks.

        Raises:
            SpaceError: The text does not read as one.
        """
        return self.kind.read(text)

    @property
    def feature_stages(self) -> tuple[int, ...]:
        """The last stage of every feature size from a quarter of the image on: C2 to C5."""
        last = len(self.stages) - 1
        ends = [i for i in range(last) if self.stages[i + 1].stride > 1]
        return tuple(ends[self.stem_stride < 4 :]) + (last,)

    @property
    def stem_stride(self) -> int:
        """Stride of everything before the first stage."""
        return 4 if self.stem_pool else 2


def _resnet(
    name: str,
    block: str,
    depths: tuple[int, ...],
    width: int,
    op: str = 'k3g1',
    non_local: tuple[tuple[int, int], ...] = (),
    deep_stem: bool = False,
) -> Seed:
    """A ResNet whose stages are ``width`` times 1, 2, 4, 8 channels wide.

    A non-local module follows the blocks at ``non_local``, each a (stage, position), from 0.
    """
    stages = (
        Stage(
            width * 2**s,
            2 if s else 1,
            tuple(op + 'n2' * ((s, n) in non_local) for n in range(depth)),
        )
        for s, depth in enumerate(depths)
    )
    return Seed(
        name=name,
        stem_channels=64,
        stages=tuple(stages),
        block=block,
        stem_kernel=3 if deep_stem else 7,
        stem_pool=True,
        deep_stem=deep_stem,
        head_channels=0,
        act='ReLU',
    )


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
        # FBNet, Table 2 (FBNet-C), as FNA++ counts it: no expansion convolution at expansion 1.
        Seed(
            name='fbnet_c',
            stem_channels=16,
            stages=(
                Stage(16, 1, ('k3e1',)),
                Stage(24, 2, ('k3e6', SKIP, 'k3e1', 'k3e1')),
                Stage(32, 2, ('k5e6', 'k5e3', 'k5e6', 'k3e6')),
                Stage(64, 2, ('k5e6', 'k5e3', 'k5e6', 'k5e6')),
                Stage(112, 1, ('k5e6', 'k5e6', 'k5e6', 'k5e3')),
                Stage(184, 2, ('k5e6',) * 4),
                Stage(352, 1, ('k3e6',)),
            ),
            head_channels=1984,
            act='ReLU',
        ),
        # ProxylessNAS, Fig. 4 (mobile).
        Seed(
            name='proxyless_mobile',
            stem_channels=32,
            stages=(
                Stage(16, 1, ('k3e1',)),
                Stage(32, 2, ('k5e3', 'k3e3', SKIP, SKIP)),
                Stage(40, 2, ('k7e3', 'k3e3', 'k5e3', 'k5e3')),
                Stage(80, 2, ('k7e6', 'k5e3', 'k5e3', 'k5e3')),
                Stage(96, 1, ('k5e6', 'k5e3', 'k5e3', 'k5e3')),
                Stage(192, 2, ('k7e6', 'k7e6', 'k7e3', 'k7e3')),
                Stage(320, 1, ('k7e6',)),
            ),
            norm_eps=1e-3,
        ),
        # MnasNet, Fig. 7 without squeeze-and-excitation (B1); block allocation's "MnasNet-b0".
        Seed(
            name='mnasnet',
            stem_channels=32,
            stages=(
                Stage(16, 1, ('k3e1',)),
                Stage(24, 2, ('k3e3',) * 3),
                Stage(40, 2, ('k5e3',) * 3),
                Stage(80, 2, ('k5e6',) * 3),
                Stage(96, 1, ('k3e6',) * 2),
                Stage(192, 2, ('k5e6',) * 4),
                Stage(320, 1, ('k3e6',)),
            ),
            act='ReLU',
        ),
        _resnet('resnet18', 'basic', (2, 2, 2, 2), 64),
        _resnet('resnet50', 'bottleneck', (3, 4, 6, 3), 256),
        # Block allocation, Sec. 4: ResNeXt (32x4d), squeeze-and-excitation (ratio 16), both, and
        # one non-local module before the last block of the third stage: where Non-local Neural
        # Networks (Sec. 5.1) and CGNL, whose ResNet50+NL the paper cites, put a single one.
        _resnet('resnext50_32x4d', 'bottleneck', (3, 4, 6, 3), 256, 'k3g32w4'),
        _resnet('se_resnet50', 'bottleneck', (3, 4, 6, 3), 256, 'k3g1s16'),
        _resnet('se_resnext50', 'bottleneck', (3, 4, 6, 3), 256, 'k3g32w4s16'),
        _resnet('resnet50_nl', 'bottleneck', (3, 4, 6, 3), 256, non_local=((2, 4),)),
        # Bag of Tricks for Image Classification, Fig. 2: ResNet-C, MMSegmentation's default, has
        # three 3x3 convolutions in the stem; ResNet-D averages in shortcuts that halve the size.
        _resnet('resnet18_v1c', 'basic', (2, 2, 2, 2), 64, deep_stem=True),
        _resnet('resnet50_v1c', 'bottleneck', (3, 4, 6, 3), 256, deep_stem=True),
        _resnet('resnet101_v1c', 'bottleneck', (3, 4, 23, 3), 256, deep_stem=True),
        _resnet('resnet18_v1d', 'basic_averaged', (2, 2, 2, 2), 64, deep_stem=True),
        _resnet('resnet50_v1d', 'bottleneck_averaged', (3, 4, 6, 3), 256, deep_stem=True),
        _resnet('resnet101_v1d', 'bottleneck_averaged', (3, 4, 23, 3), 256, deep_stem=True),
    )
}
_EXPANDED = {'block': 'mbconv_expanded'}  # blocks of expansion 1 have an expansion convolution too
_VARIANTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ('mobilenet_v2_expanded', 'mobilenet_v2', _EXPANDED),  # as block allocation counts it
    # As timm built them and trained them: fbnetc_100 and efficientnet_lite0 (the latter's twin
    # tf_efficientnet_lite0 is the seed without a suffix). No tensor's name or shape tells the
    # settings of the norms and the padding apart.
    ('fbnet_c_expanded', 'fbnet_c', {**_EXPANDED, 'norm_eps': 1e-3}),
    (
        'efficientnet_lite0_timm',
        'efficientnet_lite0',
        {'same_padding': False, 'norm_eps': 1e-5, 'norm_momentum': 0.1},
    ),
)
SEEDS |= {name: replace(SEEDS[of], name=name, **changes) for name, of, changes in _VARIANTS}


def find_seed(name: str) -> Seed:
    """The seed of this name.

    Raises:
        SpaceError: There is none; the message lists those there are.
    """
    if name not in SEEDS:
        raise SpaceError(f'the seed must be one of {listed(SEEDS)}; received {short(name)}')
    return SEEDS[name]


def register_seed(seed: Seed) -> None:
    """Add a seed, which configs then find by its name.

    Raises:
        SpaceError: The name is taken, its kind of block is unknown or cannot read one of its ops.
    """
    if seed.name in SEEDS:
        raise SpaceError(
            f'a seed must have a name of its own; received {short(seed.name)}, which is taken, as '
            f'are {listed(SEEDS)}. Choose another name.'
        )
    read = seed.kind.read
    for op in (op for stage in seed.stages for op in stage.ops if op != SKIP):
        read(op)
    SEEDS[seed.name] = seed
