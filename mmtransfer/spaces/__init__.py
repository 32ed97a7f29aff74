"""The spaces around seeds, and architectures of them. No torch here.

An architecture file names its space, seed and rule; this is where they become the space again.
"""

from mmtransfer.spaces.around import (
    closest_to_seed,
    network,
    seed_architecture,
    space_around,
    space_of,
)
from mmtransfer.spaces.depth import allocation, depth_space
from mmtransfer.spaces.kind import SpaceKind
from mmtransfer.spaces.kinds import KINDS, record_of, register
from mmtransfer.spaces.mbconv import mbconv_space
from mmtransfer.spaces.read import read_architecture
from mmtransfer.spaces.residual import residual_space
from mmtransfer.spaces.stages import space_stages

__all__ = [
    'KINDS',
    'SpaceKind',
    'allocation',
    'closest_to_seed',
    'depth_space',
    'mbconv_space',
    'network',
    'read_architecture',
    'record_of',
    'register',
    'residual_space',
    'seed_architecture',
    'space_around',
    'space_of',
    'space_stages',
]
