"""Published networks as data: seeds, ops, layouts, names in checkpoints. No torch here."""

from mmtransfer.seeds.networks import Layer, Network, seed_network
from mmtransfer.seeds.ops import Conv, parse_op
from mmtransfer.seeds.published import SEEDS, SKIP, Seed, Stage, find_seed

__all__ = [
    'SEEDS',
    'SKIP',
    'Conv',
    'Layer',
    'Network',
    'Seed',
    'Stage',
    'find_seed',
    'parse_op',
    'seed_network',
]
