"""Searchers that score candidates: one protocol, and random search (FNA++, Sec. 4.8).

While the supernet is trained every weight step runs a uniformly drawn path. Afterwards the loop
asks for candidates, scores each on the held-out data, and tells the searcher::

    while (candidate := searcher.ask()) is not None:
        searcher.tell(candidate, fitness)

What is asked next follows from the seed and from what was told, and from nothing else. So the
scores are the searcher's whole state: telling them again, in the order in which it asks, brings it
to where it was.
"""

import random
from collections.abc import Callable, Iterator, Sequence

from mmtransfer.architecture import Architecture
from mmtransfer.cost.table import CostTable
from mmtransfer.models import Supernet
from mmtransfer.randomness import draw_rng
from mmtransfer.registry import SEARCHERS
from mmtransfer.search.bound import CostBound
from mmtransfer.search.scores import Scores
from mmtransfer.search.searcher import Searcher
from mmtransfer.search.step import StepPlan, weight_step
from mmtransfer.search.target import Target

# So many draws in a row that bring nothing new mean that there is nothing left.
_MAX_DRAWS = 1_000


class CandidateSearcher(Searcher):
    """What random and evolutionary search share.

    Args:
        supernet: A backbone with ``space``; what it holds is not looked at.
        table: The cost of its options.
        seed: The seed of the run.
        candidates: How many architectures to score.
        target: The cost that every candidate is to have.
        tolerance: How far from the target a candidate may lie, relative.
        maximum: Instead of a target: the most that a candidate may cost.

    Raises:
        TargetError: The bound lies outside what the space can reach.
        ValueError: A number is out of its range.
    """

    kinds = ('weights',)

    def __init__(
        self,
        supernet: Supernet,
        table: CostTable,
        seed: int,
        candidates: int,
        target: float | None = None,
        tolerance: float = 0.02,
        maximum: float | None = None,
    ) -> None:
        at_least('candidates', candidates, 1)
        self.space = supernet.space
        self.seed = seed
        self.candidates = candidates
        self.bound = CostBound.around(table, target, tolerance, maximum)
        self.target = None if target is None else Target(target, tolerance)
        self.bound.sample(draw_rng(seed, 'any candidate'))  # if there is none, say so now
        self.told: dict[Architecture, float] = {}

    def steps(self, iteration: int, per_epoch: int) -> Iterator[StepPlan]:
        """A weight step whose path is uniform over the space, whatever the cost."""
        yield weight_step(iteration, self.space.sample(draw_rng(self.seed, 'path', iteration)))

    def ask(self) -> Architecture | None:
        """The next candidate, none that was told before; None when the search has ended.

        It ends after ``candidates``, or earlier where no more of them can be found.
        """
        if len(self.told) >= self.candidates:
            return None
        for draw in (self.draw, self.bound.sample):
            for attempt in range(_MAX_DRAWS):
                rng = draw_rng(self.seed, f'candidate by {draw.__name__}', len(self.told), attempt)
                candidate = draw(rng)
                if candidate not in self.told and self.bound.holds(candidate):
                    return candidate
        return None

    def draw(self, rng: random.Random) -> Architecture:
        """A proposal for the next candidate; it is dropped when it is known or out of bounds."""
        return self.bound.sample(rng)

    def tell(self, candidate: Architecture, fitness: float) -> None:
        """Note what a candidate is worth; greater is better."""
        self.space.check(candidate)
        self.told[candidate] = fitness

    def compared(self) -> list[list[Architecture]]:
        """The groups of candidates among each of which the best was taken."""
        return [list(self.told)]

    def architecture(self) -> Architecture | None:
        """The best candidate so far; None before the first one."""
        return max(self.told, key=self.told.__getitem__, default=None)


@SEARCHERS.register_module()
class RandomSearcher(CandidateSearcher):
    """Scores so many architectures, drawn uniformly within the cost bound, and takes the best.

    See ``CandidateSearcher`` for the arguments.
    """


class ListSearcher(CandidateSearcher):
    """Scores the architectures of a list, in their order, and takes the best.

    Args:
        supernet, table, seed: See ``CandidateSearcher``.
        listed: At least one, all different.
    """

    def __init__(
        self, supernet: Supernet, table: CostTable, seed: int, listed: Sequence[Architecture]
    ) -> None:
        super().__init__(supernet, table, seed, len(listed))
        self.listed = list(listed)

    def ask(self) -> Architecture | None:
        """The next one that was not told before."""
        return next((a for a in self.listed if a not in self.told), None)


def score_candidates(
    searcher: CandidateSearcher,
    evaluate: Callable[[Architecture], float],
    scores: Scores,
    scored: Callable[[Architecture, bool], None] = lambda candidate, new: None,
    describe: Callable[[Architecture], Architecture] = lambda candidate: candidate,
) -> None:
    """Run a searcher to its end. What ``scores`` knows is not evaluated again.

    Args:
        searcher: A fresh one, or one that was told some.
        evaluate: Candidate -> score.
        scores: Receives every score.
        scored: Called after each candidate, with whether it was evaluated now.
        describe: Candidate -> the same with what is to be noted of it, such as its cost.
    """
    while (candidate := searcher.ask()) is not None:
        new = candidate not in scores.values
        if new:
            scores.values[describe(candidate)] = evaluate(candidate)
        searcher.tell(candidate, scores.fitness(candidate))
        scored(candidate, new)


def at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError unless a setting is an integer of at least so much."""
    if type(value) is not int or value < least:
        raise ValueError(f'{name} must be an integer of at least {least}; received {value!r}.')
