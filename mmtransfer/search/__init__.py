"""Searchers, the draws they make, regularisers, and how an architecture is derived."""

from .derive import Target, TargetError, derive, derive_from_checkpoint, derive_supernet, with_cost
from .differentiable import DifferentiableSearcher
from .draws import draw_rng, draw_seed
from .regularisers import CostTerm, Regulariser, Step

__all__ = [
    'CostTerm',
    'DifferentiableSearcher',
    'Regulariser',
    'Step',
    'Target',
    'TargetError',
    'derive',
    'derive_from_checkpoint',
    'derive_supernet',
    'draw_rng',
    'draw_seed',
    'with_cost',
]
