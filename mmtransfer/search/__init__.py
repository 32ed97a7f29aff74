"""Searchers, the draws they make, regularisers, and how an architecture is derived."""

from mmtransfer.search.bound import CostBound
from mmtransfer.search.candidates import (
    CandidateSearcher,
    ListSearcher,
    RandomSearcher,
    score_candidates,
)
from mmtransfer.search.derive import derive
from mmtransfer.search.differentiable import DifferentiableSearcher
from mmtransfer.search.evolution import EvolutionSearcher
from mmtransfer.search.from_checkpoint import (
    NothingLearnedError,
    derive_from_checkpoint,
    derive_supernet,
    evaluated_architecture,
)
from mmtransfer.search.greedy import GreedyBlockSearcher, beaten
from mmtransfer.search.guard import skip_share
from mmtransfer.search.regularisers import CostTerm, Regulariser, Step
from mmtransfer.search.scores import Scores, ScoresError
from mmtransfer.search.searcher import SearchConfigError, Searcher
from mmtransfer.search.sizes import all_of_size, count_of_size, ladder, size_of, some_of_size
from mmtransfer.search.step import StepPlan, architecture_step, joint_step, weight_step
from mmtransfer.search.target import Target, TargetError, cost_in_units

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
    'SearchConfigError',
    'Searcher',
    'Step',
    'StepPlan',
    'Target',
    'TargetError',
    'all_of_size',
    'architecture_step',
    'beaten',
    'cost_in_units',
    'count_of_size',
    'derive',
    'derive_from_checkpoint',
    'derive_supernet',
    'evaluated_architecture',
    'joint_step',
    'ladder',
    'score_candidates',
    'size_of',
    'some_of_size',
    'skip_share',
    'weight_step',
    'with_cost',
]
