"""What a config names as ``backbone``: the plain network of an architecture, and the supernets."""

from mmtransfer.backbones.adapted import AdaptedBackbone
from mmtransfer.backbones.arguments import take_remap
from mmtransfer.backbones.base import StagedBackbone
from mmtransfer.backbones.depth import DepthSupernet
from mmtransfer.backbones.fna import FNASupernet
from mmtransfer.backbones.layerwise import LayerwiseSupernet
from mmtransfer.backbones.selection import MIXTURE, Selection, SelectionError
from mmtransfer.backbones.settings import Settings
from mmtransfer.backbones.supernet import Selective, StagedSupernet, supernets_in

__all__ = [
    'MIXTURE',
    'AdaptedBackbone',
    'DepthSupernet',
    'FNASupernet',
    'LayerwiseSupernet',
    'Selection',
    'SelectionError',
    'Selective',
    'Settings',
    'StagedBackbone',
    'StagedSupernet',
    'supernets_in',
    'take_remap',
]
