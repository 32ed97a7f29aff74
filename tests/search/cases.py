"""Small spaces and searchers for tests of the strategies."""

from types import SimpleNamespace

from mmtransfer.cost.table import cost_table
from mmtransfer.search import Scores, score_candidates
from mmtransfer.spaces import mbconv_space

SIZE = (64, 64)
# 4 ** 6 architectures.
TINY = mbconv_space('mobilenet_v2', layers=(1,) * 6, kernels=(3, 5), expansions=(3, 6))
SMALL = mbconv_space('mobilenet_v2', layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3,))
FULL = mbconv_space('mobilenet_v2')
GUARDED = mbconv_space('mobilenet_v2', layers=(4, 4, 4, 4, 4, 1), min_layers=3)


def build(searcher, space=SMALL, seed=0, **settings):
    return searcher(SimpleNamespace(space=space), cost_table(space, SIZE), seed, **settings)


def quality(architecture):
    """A made score, lower is better: sums of kernels with weights that differ by choice."""
    weights = (3, -2, 5, 1, -4, 2, 7, -6, 8, 9, -1)
    total = 0.0
    for number, (_, option) in enumerate(architecture.options):
        weight = weights[number % len(weights)]
        total += weight * (0.5 if option == 'skip' else int(option[1]) + int(option[3]) / 10)
    return total


class Counting:
    """A score function that notes what it was called with."""

    def __init__(self, score=quality):
        self.score = score
        self.calls = []

    def __call__(self, architecture):
        self.calls.append(architecture)
        return self.score(architecture)


def search(searcher, evaluate=quality, scores=None):
    scores = scores or Scores(searcher.space)
    score_candidates(searcher, evaluate, scores)
    return scores
