"""From probabilities to one architecture: the most probable one, or the most probable of a given
cost.

The score of an architecture is the sum of the log probabilities of its options. Without a target
the best one is the option of highest probability at every choice (FNA++, Sec. 3.2.2). With a target
the choices compete for a budget, and a dynamic programme over the cost spent so far finds the
architecture of highest score among those within the tolerance. The constraints of the space hold in
both cases.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from mmtransfer.architecture import Architecture
from mmtransfer.cost.additive import AdditiveTable, need_additive
from mmtransfer.cost.table import CostTable
from mmtransfer.models import Supernet
from mmtransfer.search.target import Target
from mmtransfer.space import SearchSpace

# Choice -> the probability of each of its options, in their order.
Probabilities = dict[str, list[float]]


def derive(
    space: SearchSpace,
    probabilities: Mapping[str, Sequence[float]],
    table: CostTable | None = None,
    target: Target | None = None,
) -> Architecture:
    """The most probable architecture, of the target cost if one is given.

    Args:
        space: The search space.
        probabilities: Per choice one probability per option, in the order of its options.
        table: Costs per option; needed when there is a target.
        target: The cost to end at. Where nothing lies within its tolerance, the nearest is taken.

    Returns:
        An architecture that passes ``space.check``.

    Raises:
        ValueError: A target, and no table or one whose costs do not add up.
    """
    if target is None:
        unit, wanted, size = math.inf, 0.0, 1
        costs = {c.name: [0] * len(c.options) for c in space.choices}
    else:
        if table is None:
            raise ValueError('a cost target needs a cost table; received none')
        added = additive_for_target(table)
        # Rounding each cost to a unit moves the sum by at most len(choices) / 2 units: an eighth
        # of the tolerance, so what is found well inside the window is inside in exact numbers too.
        unit = target.cost * target.tolerance / (4 * len(space.choices))
        wanted = (target.cost - added.fixed) / unit
        size = int(2 * wanted) + len(space.choices)
        costs = {
            c.name: [round(added.entries[c.name][o] / unit) for o in c.options]
            for c in space.choices
        }
    gains = {
        c.name: [math.log(max(float(p), 1e-300)) for p in probabilities[c.name]]
        for c in space.choices
    }
    blocks = [_candidates(space, names, costs, gains) for names in _blocks(space)]
    score, picked = _spend(blocks, size)
    window = (
        0.0 if target is None else target.cost * target.tolerance / unit - len(space.choices) / 2
    )
    units = _best_total(score, wanted, window)
    chosen: dict[str, str] = {}
    for block, pick in zip(reversed(blocks), reversed(picked), strict=True):
        candidate = block[pick[units]]
        chosen.update(candidate.options)
        units -= candidate.units
    return space.architecture(chosen)


def additive_for_target(table: CostTable) -> AdditiveTable:
    """The same table; ValueError unless its costs add up, on which ``derive`` rests."""
    return need_additive(
        table,
        'to derive an architecture of a target',
        'Leave searcher.target out, give the cost term a target, or search by candidates: a '
        'RandomSearcher or an EvolutionSearcher takes any costs.',
    )


@dataclass(frozen=True)
class _Candidate:
    """Options for the choices of one block, their cost in units and their score."""

    options: Mapping[str, str]
    units: int
    score: float


def _blocks(space: SearchSpace) -> list[tuple[str, ...]]:
    """The choices in groups that must be decided together: those that share a constraint."""
    blocks = [{c.name} for c in space.choices]
    for constraint in space.constraints:
        joined = [b for b in blocks if b & set(constraint.choices)]
        blocks = [b for b in blocks if b not in joined] + [set().union(*joined)]
    order = [c.name for c in space.choices]
    return [tuple(sorted(b, key=order.index)) for b in blocks]


def _candidates(
    space: SearchSpace,
    names: tuple[str, ...],
    costs: Mapping[str, Sequence[int]],
    gains: Mapping[str, Sequence[float]],
) -> list[_Candidate]:
    """The best candidates of each cost among the combinations that violate no constraint."""
    options = {c.name: c.options for c in space.choices}
    mine = [c for c in space.constraints if set(c.choices) <= set(names)]
    # One choice after the other; of those that cost the same and leave the constraints in the same
    # state, only the best can be part of the result.
    best: dict[tuple[Hashable, ...], _Candidate] = {(): _Candidate({}, 0, 0.0)}
    for name in names:
        grown: dict[tuple[Hashable, ...], _Candidate] = {}
        for begun in best.values():
            for option, cost, gain in zip(options[name], costs[name], gains[name], strict=True):
                chosen = {**begun.options, name: option}
                candidate = _Candidate(chosen, begun.units + cost, begun.score + gain)
                key = (candidate.units, *(c.state(chosen) for c in mine))
                if key not in grown or grown[key].score < candidate.score:
                    grown[key] = candidate
        best = grown
    return [c for c in best.values() if not any(k.violated(c.options) for k in mine)]


def _spend(blocks: list[list[_Candidate]], size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Best score for every total of units below ``size``, and per block the candidate behind it."""
    score = np.full(size, -np.inf)
    score[0] = 0.0
    picked = []
    for block in blocks:
        new, pick = np.full(size, -np.inf), np.full(size, -1, dtype=np.int32)
        for index, candidate in enumerate(block):
            if candidate.units >= size:
                continue
            reached = score[: size - candidate.units] + candidate.score
            better = reached > new[candidate.units :]
            new[candidate.units :][better] = reached[better]
            pick[candidate.units :][better] = index
        score = new
        picked.append(pick)
    return score, picked


def _best_total(score: np.ndarray, wanted: float, window: float) -> int:
    """The total of highest score within the window, or the reachable total nearest to it."""
    reachable = np.flatnonzero(np.isfinite(score))
    distance = np.abs(reachable - wanted)
    inside = reachable[distance <= window]
    if len(inside):
        return int(inside[np.argmax(score[inside])])
    return int(reachable[np.argmin(distance)])


def plain_probabilities(supernet: Supernet) -> Probabilities:
    """The probabilities of a supernet as plain numbers, copied to the host at once.

    Raises:
        ValueError: One of them is not finite.
    """
    tensors = supernet.probabilities()
    values = iter(torch.cat([p.detach() for p in tensors.values()]).tolist())
    found = {name: list(islice(values, len(p))) for name, p in tensors.items()}
    check_finite(found)
    return found


def check_finite(probabilities: Probabilities) -> None:
    """Raise ValueError unless all of them are finite."""
    broken = [name for name, p in probabilities.items() if not all(map(math.isfinite, p))]
    if broken:
        raise ValueError(
            f'the probabilities of all options must be finite; those of {", ".join(broken[:3])} '
            f'are {probabilities[broken[0]]}. The search has diverged: lower a learning rate, or '
            f'clip gradients (optim_wrapper), and resume from an earlier checkpoint.'
        )
