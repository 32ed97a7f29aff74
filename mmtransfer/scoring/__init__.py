"""What a candidate is worth on held-out data."""

from mmtransfer.scoring.bn import ReestimateBNHook, reestimate_bn

__all__ = ['ReestimateBNHook', 'reestimate_bn']
