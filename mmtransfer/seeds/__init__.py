"""Published networks as data: seeds, ops, layouts, names in checkpoints. No torch here."""

from mmtransfer.seeds.kinds import BLOCK_KINDS, BlockKind, register_block
from mmtransfer.seeds.networks import STEM, Network, Node, seed_network
from mmtransfer.seeds.ops import Axis, Conv, Op
from mmtransfer.seeds.published import SEEDS, SKIP, Seed, Stage, find_seed, register_seed

__all__ = [
    'BLOCK_KINDS',
    'SEEDS',
    'SKIP',
    'STEM',
    'Axis',
    'BlockKind',
    'Conv',
    'Network',
    'Node',
    'Op',
    'Seed',
    'Stage',
    'find_seed',
    'register_block',
    'register_seed',
    'seed_network',
]
