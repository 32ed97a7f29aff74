"""Carry the weights of one network into another: a plan first, then a pure function."""

from mmtransfer.remap.apply import remap
from mmtransfer.remap.plan import Move, RemapError, RemapPlan, by_block, plan_remap

__all__ = ['Move', 'RemapError', 'RemapPlan', 'by_block', 'plan_remap', 'remap']
