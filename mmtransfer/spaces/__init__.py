"""The spaces around seeds, and architectures of them. No torch here.

An architecture file names its space, seed and rule; this is where they become the space again.
"""

from mmtransfer.spaces.around import (
    SPACES,
    closest_to_seed,
    network,
    seed_architecture,
    space_around,
    space_of,
)
from mmtransfer.spaces.depth import allocation, depth_space
from mmtransfer.spaces.mbconv import mbconv_space
from mmtransfer.spaces.networks import space_stages
from mmtransfer.spaces.read import read_architecture
from mmtransfer.spaces.residual import residual_space

__all__ = [
    'SPACES',
    'allocation',
    'closest_to_seed',
    'depth_space',
    'mbconv_space',
    'network',
    'read_architecture',
    'residual_space',
    'seed_architecture',
    'space_around',
    'space_of',
    'space_stages',
]
