"""Searchers, the draws they make, regularisers, and how an architecture is derived."""

from .bound import CostBound
from .candidates import CandidateSearcher, ListSearcher, RandomSearcher, score_candidates
from .derive import (
    NothingLearnedError,
    Target,
    TargetError,
    derive,
    derive_from_checkpoint,
    derive_supernet,
    evaluated_architecture,
    with_cost,
)
from .differentiable import DifferentiableSearcher
from .draws import draw_rng, draw_seed
from .evolution import EvolutionSearcher
from .greedy import GreedyBlockSearcher, beaten
from .guard import skip_share
from .regularisers import CostTerm, Regulariser, Step
from .scores import Scores, ScoresError
from .sizes import all_of_size, count_of_size, ladder, size_of, some_of_size

__all__ = [
    'CandidateSearcher',
    'CostBound',
    'CostTerm',
    'DifferentiableSearcher',
    'EvolutionSearcher',
    'GreedyBlockSearcher',
    'ListSearcher',
    'NothingLearnedError',
    'RandomSearcher',
    'Regulariser',
    'Scores',
    'ScoresError',
    'Step',
    'Target',
    'TargetError',
    'all_of_size',
    'beaten',
    'count_of_size',
    'derive',
    'derive_from_checkpoint',
    'derive_supernet',
    'draw_rng',
    'draw_seed',
    'evaluated_architecture',
    'ladder',
    'score_candidates',
    'size_of',
    'some_of_size',
    'skip_share',
    'with_cost',
]
