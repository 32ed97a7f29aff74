"""Carry the weights of one network into another: a plan first, then a pure function."""

from mmtransfer.remap.apply import remap
from mmtransfer.remap.load import load_last_conv, load_model, load_seed
from mmtransfer.remap.networks import (
    network_to_network,
    seed_to_network,
    seed_to_supernet,
    supernet_to_network,
    supernet_to_supernet,
)
from mmtransfer.remap.plan import Move, Ranking, RemapError, RemapPlan, by_block, plan_remap
from mmtransfer.remap.strategy import with_strategy
from mmtransfer.remap.whole import BackbonePlan, plan_whole_model
from mmtransfer.seeds.namings import SeedCheckpointError

__all__ = [
    'BackbonePlan',
    'Move',
    'Ranking',
    'RemapError',
    'RemapPlan',
    'SeedCheckpointError',
    'by_block',
    'load_last_conv',
    'load_model',
    'load_seed',
    'network_to_network',
    'plan_remap',
    'remap',
    'seed_to_network',
    'seed_to_supernet',
    'supernet_to_network',
    'supernet_to_supernet',
    'plan_whole_model',
    'with_strategy',
]
