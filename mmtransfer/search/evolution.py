"""Evolutionary search: mutation and crossover of the best candidates, within a cost bound."""

import random

from mmtransfer.architecture import Architecture
from mmtransfer.cost.table import CostTable
from mmtransfer.models import Supernet
from mmtransfer.registry import SEARCHERS
from mmtransfer.search.candidates import CandidateSearcher, at_least
from mmtransfer.space import SearchSpace


@SEARCHERS.register_module()
class EvolutionSearcher(CandidateSearcher):
    """Generations of equal size; the first one is random, the others are children of the best.

    The parents of a generation are the best of all candidates before it. A child is the crossover
    of two of them, or a mutation of one. Children out of the cost bound, and such as were scored
    before, are drawn again; where the best have no new ones, a random candidate takes their place.

    Args:
        supernet, table, seed: See ``CandidateSearcher``.
        population: Candidates of a generation.
        generations: How many there are, the random one included. ``population * generations``
            candidates are scored.
        parents: How many of the best have children.
        crossover: Share of the children that have two parents, in [0, 1].
        mutation: Chance of each choice to change in a mutation, in [0, 1].
        target, tolerance, maximum: The cost bound, see ``CandidateSearcher``.

    Raises:
        TargetError: The bound lies outside what the space can reach.
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        supernet: Supernet,
        table: CostTable,
        seed: int,
        population: int,
        generations: int,
        parents: int = 10,
        crossover: float = 0.5,
        mutation: float = 0.1,
        target: float | None = None,
        tolerance: float = 0.02,
        maximum: float | None = None,
    ) -> None:
        at_least('population', population, 2)
        at_least('generations', generations, 1)
        at_least('parents', parents, 2)
        for name, value in (('crossover', crossover), ('mutation', mutation)):
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must lie between 0 and 1; received {value!r}.')
        if parents > population:
            raise ValueError(
                f'there can be no more parents than the {population} candidates of a generation; '
                f'received {parents}. Lower parents, or raise population.'
            )
        total = population * generations
        super().__init__(supernet, table, seed, total, target, tolerance, maximum)
        self.population = population
        self.parents = parents
        self.crossover = crossover
        self.mutation = mutation

    def draw(self, rng: random.Random) -> Architecture:
        """A random candidate in the first generation, then a child of the best before its own."""
        best = self._parents()
        if not best:
            return self.bound.sample(rng)
        if len(best) > 1 and rng.random() < self.crossover:
            first, second = rng.sample(best, 2)
            return cross(self.space, first, second, rng)
        return self.space.mutate(rng.choice(best), rng, self.mutation)

    def _parents(self) -> list[Architecture]:
        """The best of all earlier generations, best first; of equals the earlier one."""
        before = len(self.told) // self.population * self.population
        earlier = list(self.told)[:before]
        return sorted(earlier, key=self.told.__getitem__, reverse=True)[: self.parents]


def cross(
    space: SearchSpace, first: Architecture, second: Architecture, rng: random.Random
) -> Architecture:
    """Each choice as one of the two parents has it; the first parent if no valid child is found."""
    for _ in range(100):
        options = {
            name: rng.choice((option, second[name])) for name, option in first.as_dict.items()
        }
        if not any(c.violated(options) for c in space.constraints):
            return space.architecture(options)
    return first
