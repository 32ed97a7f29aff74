"""Greedy block search: the best network of every size, each grown from the one before (block
allocation, Sec. 3.3, Alg. 1)."""

import itertools
from collections.abc import Iterator, Sequence

from mmtransfer.architecture import Architecture
from mmtransfer.cost.additive import AdditiveTable
from mmtransfer.cost.metrics import say
from mmtransfer.cost.table import CostTable
from mmtransfer.models import Supernet
from mmtransfer.registry import SEARCHERS
from mmtransfer.search.candidates import CandidateSearcher
from mmtransfer.search.scores import Scores
from mmtransfer.search.sizes import ladder, one_more, size_of
from mmtransfer.search.target import Target, TargetError


@SEARCHERS.register_module()
class GreedyBlockSearcher(CandidateSearcher):
    """Grows the smallest network of a space by one option at a time, each time the best one.

    It starts with one block per stage. The candidates of a step are the network so far plus one
    block more in each stage that has room; the best of them is kept (Eq. 6), whatever it costs. Of
    equals, which are not rare as evaluators round their metrics, it is the cheapest, then the one
    that grows the earliest stage; what has no finite score ranks last. So there are at most as many
    evaluations per size as there are stages, and ``chain`` ends with one architecture per size.

    The size of an architecture is its number of blocks, summed over the searched stages. The search
    ends at ``blocks`` of them, or before the cost would exceed ``target``, or else with the whole
    supernet.

    A target stands for the paper's re-weighting (Sec. 4.1): where blocks of different stages differ
    in cost, those of each stage count as much as they cost, and the search goes on until the sum
    reaches the limit. Here the sum is the cost of the backbone in the unit of the table (what is
    not searched included), a candidate above the target is not scored, and the search ends when no
    stage has a block that still fits. In the paper the last step may exceed the limit, it seems:
    the MnasNet that it found costs 1.7 % more than the default (Table 1). It leaves open whether
    candidates of different cost are compared by the score alone (here they are: Eq. 6 as it
    stands).

    Any space can be searched in this way when the options of each choice have an order: then a step
    takes one choice to its next option, and the size is the sum of all positions in the order,
    counted from 1.

    Args:
        supernet, table, seed: See ``CandidateSearcher``.
        blocks: Size of the largest network.
        target: Instead: the most that a network may cost.
        order: For spaces other than those of block allocation: all options that occur, the smallest
            first; or ``'cost'``: each choice's options by their cost.

    Raises:
        TargetError: The target lies outside what the space can reach.
        ValueError: ``blocks`` does, the order does not fit the space, or nothing can grow.
    """

    hooks = ('ChainReportHook',)

    def __init__(
        self,
        supernet: Supernet,
        table: CostTable,
        seed: int,
        blocks: int | None = None,
        target: float | None = None,
        order: str | Sequence[str] | None = None,
    ) -> None:
        if blocks is not None and target is not None:
            raise ValueError(
                f'a greedy search ends at a number of blocks or at a cost, not at both; received '
                f'blocks={blocks} and target={target}. Leave one out.'
            )
        if target is not None:
            Target(target).check(table)
        super().__init__(supernet, table, seed, candidates=1, maximum=target)
        self.ladder = ladder(self.space, table, order)
        self.blocks = self._limit(blocks)
        self.chain: list[Architecture] = []
        first = self.space.architecture([options[0] for options in self.ladder.values()])
        if not self.bound.holds(first):
            raise TargetError(
                f'the target must reach the network that the search begins with, which costs '
                f'{say(table.metric, table.of(first))}; received {say(table.metric, target or 0)}. '
                f'Raise it, or begin the order with cheaper options.'
            )
        self._step = [first]
        self._asked = 1
        self.candidates = 1 + self._most_to_come(first)

    def pending(self) -> list[Architecture]:
        """The candidates of this step that were not told yet; none when the search has ended."""
        return [candidate for candidate in self._step if candidate not in self.told]

    def ask(self) -> Architecture | None:
        """The next candidate; None when the search has ended."""
        return next(iter(self.pending()), None)

    def tell(self, candidate: Architecture, fitness: float) -> None:
        """Note what a candidate is worth; after the last one of a step the best is kept.

        ``candidates`` is the most that the search can take; exactly what it took once it has ended.
        """
        super().tell(candidate, fitness)
        while self._step and not self.pending():
            best = max(self._step, key=lambda c: (self.told[c], -self.bound.table.of(c)))
            self.chain.append(best)
            self._step = list(self._grown(best))
            self._asked += len(self._step)
            more = max(map(self._most_to_come, self._step), default=0)
            self.candidates = self._asked + more

    def architecture(self) -> Architecture | None:
        """The largest network kept so far; None before the first one was scored."""
        return self.chain[-1] if self.chain else None

    def compared(self) -> list[list[Architecture]]:
        """The candidates of every step."""
        return [self.step_of(kept) for kept in self.chain]

    def size(self, architecture: Architecture) -> int:
        """Its number of blocks in the searched stages."""
        return size_of(architecture, self.ladder)

    def step_of(self, kept: Architecture) -> list[Architecture]:
        """The candidates among which a member of the chain was the best, itself included."""
        number = self.chain.index(kept)
        return [kept] if number == 0 else list(self._grown(self.chain[number - 1]))

    def _grown(self, architecture: Architecture) -> Iterator[Architecture]:
        """One option more, in each choice that has room, within the bound."""
        if self.size(architecture) >= self.blocks:
            return
        for grown in one_more(self.space, architecture, self.ladder):
            if self.bound.holds(grown):
                yield grown

    def _most_to_come(self, architecture: Architecture) -> int:
        """The most candidates that all steps after this network can have."""
        current, table = architecture.as_dict, self.bound.table
        room = self.blocks - self.size(architecture)
        if not isinstance(table, AdditiveTable):
            return len(self.ladder) * room
        rises: list[float] = []
        for name, options in self.ladder.items():
            costs = [table.entries[name][o] for o in options[options.index(current[name]) :]]
            rises += (b - a for a, b in itertools.pairwise(costs))
        left, steps = self.bound.high - table.of(architecture), 0
        for rise in sorted(rises):  # no order of growing takes more steps than this
            left -= rise
            steps += left >= 0
        return len(self.ladder) * min(steps, room)

    def _limit(self, blocks: int | None) -> int:
        """The size to end at, which lies within the space."""
        least, most = len(self.ladder), sum(map(len, self.ladder.values()))
        if least == most:
            raise ValueError(
                'a greedy search needs a stage with room for another block; received a space '
                'with one option per choice. Raise max_blocks of the supernet.'
            )
        if blocks is None:
            return most
        if type(blocks) is not int or not least <= blocks <= most:
            raise ValueError(
                f'blocks must be an integer from {least} (one block in each of the {least} '
                f'searched stages) to {most} (the whole supernet); received {blocks!r}.'
            )
        return blocks


def beaten(searcher: GreedyBlockSearcher, scores: Scores) -> dict[Architecture, Architecture]:
    """Where greedy search is not optimal: members of the chain and what is better than they are.

    Only what was scored can be compared: with all architectures of the space scored this says
    exactly for which sizes the chain holds none of the best.

    Args:
        searcher: After its search.
        scores: Of any architectures of its space; those beyond its bound do not count.

    Returns:
        Member of the chain -> the best scored architecture of its size, if that is better.
    """
    best: dict[int, Architecture] = {}
    for found in scores.ranking():
        if searcher.bound.holds(found):
            best.setdefault(searcher.size(found), found)
    return {
        kept: rival
        for kept in searcher.chain
        if (rival := best.get(searcher.size(kept))) is not None
        and scores.fitness(rival) > scores.fitness(kept)
    }
