"""Building blocks of the networks: plain modules that know of no search."""

from mmtransfer.blocks.mbconv import MBConv, conv_norm_act
from mmtransfer.blocks.recompute import recompute, running_statistics_kept

__all__ = ['MBConv', 'conv_norm_act', 'recompute', 'running_statistics_kept']
