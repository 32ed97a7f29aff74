"""Building blocks of the networks: plain modules that know of no search."""

from mmtransfer.blocks.build import Style, build_block
from mmtransfer.blocks.mbconv import MBConv, conv_norm_act
from mmtransfer.blocks.recompute import recompute, running_statistics_kept
from mmtransfer.blocks.residual import Residual
from mmtransfer.blocks.same_pad import SamePadConv2d

__all__ = [
    'MBConv',
    'Residual',
    'SamePadConv2d',
    'Style',
    'build_block',
    'conv_norm_act',
    'recompute',
    'running_statistics_kept',
]
