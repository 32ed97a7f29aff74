"""What a config names as ``backbone``: the plain network of an architecture, and the supernets."""

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.backbones.base import StagedBackbone, take_remap
from mmtransfer.backbones.fna import FNASupernet
from mmtransfer.backbones.selection import MIXTURE, Selection, SelectionError

__all__ = [
    'MIXTURE',
    'AdaptedBackbone',
    'FNASupernet',
    'StagedBackbone',
    'take_remap',
    'Selection',
    'SelectionError',
]
