"""From probabilities to one architecture: the most probable one, or the most probable of a given
cost.

The score of an architecture is the sum of the log probabilities of its options. Without a target
the best one is the option of highest probability at every choice (FNA++, Sec. 3.2.2). With a target
the choices compete for a budget, and a dynamic programme over the cost spent so far finds the
architecture of highest score among those within the tolerance. The constraints of the space hold in
both cases.
"""

import math
import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmtransfer.architecture import Architecture
from mmtransfer.cost.config import own_supernet
from mmtransfer.cost.metrics import UNITS, say, table_for
from mmtransfer.cost.table import METRICS, CostTable, cost_table
from mmtransfer.registry import MODELS
from mmtransfer.remap.checkpoint import check_space, read_checkpoint, tensors_of
from mmtransfer.search.scores import best_candidate
from mmtransfer.seeds.layout import image_weight
from mmtransfer.seeds.namings import choose_prefix
from mmtransfer.space import SearchSpace

# Choice -> the probability of each of its options, in their order.
Probabilities = dict[str, list[float]]


class TargetError(ValueError):
    """A cost target that no architecture of the space can reach."""


class NothingLearnedError(ValueError):
    """A search, or its checkpoint, that has found no architecture yet."""


@dataclass(frozen=True)
class Target:
    """What the derived backbone is to cost.

    Args:
        cost: The whole backbone's cost, in the unit of the cost table: multiply-adds, parameters or
            milliseconds.
        tolerance: How far from it the derived architecture may end, relative.
    """

    cost: float
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        if not isinstance(self.cost, int | float) or not math.isfinite(self.cost):
            raise ValueError(f'a cost target must be a finite number; received {self.cost!r}.')
        if not self.tolerance > 0:
            raise ValueError(
                f'the tolerance of a target must be positive; received {self.tolerance}.'
            )

    def check(self, table: CostTable) -> None:
        """Raise :class:`TargetError` when the target lies outside what the space can reach."""
        low, high = table.bounds()
        if not low <= self.cost <= high:
            raise TargetError(
                f'the cost target must lie between the cheapest and the dearest backbone of the '
                f'space, {say(table.metric, low)} and {say(table.metric, high)}; received '
                f'{say(table.metric, self.cost)}. Choose a target in that range, or change the '
                f'space (kernels, expansions, layers, min_layers, max_blocks).'
            )

    def miss(self, cost: float) -> float:
        """How far a cost is from the target, relative and signed."""
        return cost / self.cost - 1.0


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
    """
    if target is None:
        unit, wanted, size = math.inf, 0.0, 1
    else:
        if table is None:
            raise ValueError('a cost target needs a cost table; received none')
        # Rounding each cost to a unit moves the sum by at most len(choices) / 2 units: an eighth
        # of the tolerance, so what is found well inside the window is inside in exact numbers too.
        unit = target.cost * target.tolerance / (4 * len(space.choices))
        wanted = (target.cost - table.fixed) / unit
        size = int(2 * wanted) + len(space.choices)
    costs = {
        c.name: [0 if target is None or table is None else round(table.entries[c.name][o] / unit)
                 for o in c.options]
        for c in space.choices
    }  # fmt: skip
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


def derive_supernet(
    supernet: Any, train_cfg: Mapping[str, Any], noted: Mapping[str, Any] | None = None
) -> Architecture:
    """What a search with this supernet, as its logits are now, would derive.

    Args:
        supernet: A backbone with ``space``, ``output_stride`` and ``probabilities()``.
        train_cfg: Of the search config: input size, metric with its table, and target.
        noted: What the search's checkpoint holds under ``'mmtransfer'``. Where candidates were
            scored the logits say nothing: the result is what the search noted as found, or else
            the best of them.

    Raises:
        LatencyTableError: The latency that the config counts was measured elsewhere.
        NothingLearnedError: The search has taken no architecture step yet.
        RemapError: The checkpoint is of another space.
        ScoresError: No candidate was scored yet.
        TargetError: The target lies outside what the space can reach.
    """
    noted = noted or {}
    check_space({'mmtransfer': noted}, supernet.space.fingerprint, 'the checkpoint')
    searcher = train_cfg.get('searcher') or {}
    cost = searcher.get('target')
    target = None if cost is None else Target(cost, searcher.get('tolerance', 0.02))
    table = table_for(train_cfg, supernet.space, supernet.output_stride, supernet.in_channels)
    if target is not None:
        target.check(table)
    if noted.get('found'):
        found = supernet.space.architecture(noted['found'])
    elif 'scores' in noted or not supernet.architecture_parameters():
        found = best_candidate(noted.get('scores'), supernet.space)
    else:
        check_learned(noted.get('search', {}))
        found = derive(supernet.space, plain_probabilities(supernet), table, target)
    return with_cost(found, table, **noted.get('search', {}))


def plain_probabilities(supernet: Any) -> Probabilities:
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


def check_learned(progress: Mapping[str, Any]) -> None:
    """Raise NothingLearnedError where a search has taken no architecture step.

    Args:
        progress: How far it was, as its checkpoint says; empty where it does not.
    """
    if progress.get('arch_steps') == 0:
        raise NothingLearnedError(
            f'this checkpoint was written after epoch {progress["epoch"]} of '
            f'{progress["max_epochs"]}, before the first architecture step (train_cfg.arch_begin): '
            f'its logits are the random ones that they began with, so there is no architecture to '
            f'derive. Finish the search (tools/train.py CONFIG --resume), or give a later '
            f'checkpoint.'
        )


def evaluated_architecture(
    supernet: Any, train_cfg: Mapping[str, Any] | None, noted: Mapping[str, Any]
) -> Architecture | None:
    """What a test of a supernet runs, by what its checkpoint says: what a validation would have run
    when it was written.

    Args:
        supernet: With the tensors of the checkpoint.
        train_cfg: Of the config; asked only where the checkpoint is of a version that did not note
            what is evaluated, see :func:`derive_supernet`.
        noted: What the checkpoint holds under ``'mmtransfer'``.

    Returns:
        None where the checkpoint is of no search.

    Raises:
        RemapError: The checkpoint is of another space.
    """
    if 'iteration' not in noted:
        return None
    check_space({'mmtransfer': noted}, supernet.space.fingerprint, 'the checkpoint')
    if 'evaluated' in noted:
        return supernet.space.architecture(noted['evaluated'])
    return derive_supernet(supernet, train_cfg or {}, noted)


def derive_from_checkpoint(config: Config, checkpoint: str | os.PathLike) -> Architecture:
    """The architecture of a search, from its checkpoint alone.

    Args:
        config: The search config: it names the supernet's space, the target and the input size.
        checkpoint: A checkpoint of that search, or its work directory.

    Raises:
        ValueError: The checkpoint is of another space, or holds no result.
    """
    supernet: Any = MODELS.build(own_supernet(config.model, config.get('default_scope')))
    content = read_checkpoint(checkpoint)
    tensors = tensors_of(content, str(checkpoint))
    place = choose_prefix(tensors, image_weight(supernet.seed), 'backbone.')
    prefix = f'{place}logits.'
    found = {k: t for k, t in tensors.items() if k.startswith(prefix)}
    choices = supernet.space.choices if supernet.architecture_parameters() else ()
    expected = {f'{prefix}{i}': len(c.options) for i, c in enumerate(choices)}
    if {k: t.numel() for k, t in found.items()} != expected:
        raise ValueError(
            f'{checkpoint} must hold {len(expected)} vectors of logits, {prefix}0 and on, of the '
            f'sizes {list(expected.values())}; received {[t.numel() for t in found.values()]}. Is '
            f'it a checkpoint of this search config?'
        )
    for own, name in zip(supernet.architecture_parameters(), expected, strict=True):
        own.data.copy_(found[name])
    return derive_supernet(supernet, config.train_cfg, content.get('mmtransfer'))


def with_cost(architecture: Architecture, table: CostTable, **provenance: Any) -> Architecture:
    """The same architecture with the backbone's cost, and the sizes that it was counted at, noted.

    Args:
        architecture: Of the table's space.
        table: Gives input size and output stride. Multiply-adds and parameters are noted in any
            case; where it is one of latencies, the milliseconds too.
        **provenance: Further notes on where the architecture comes from.
    """
    size, stride = table.input_size, table.output_stride
    channels = table.in_channels
    tables = [cost_table(table.space, size, metric, stride, channels) for metric in METRICS]
    if table.metric not in METRICS:
        tables.append(table)
    return architecture.replace(
        cost={UNITS[t.metric].key: t.of(architecture) for t in tables},
        input_size=size,
        output_stride=stride,
        provenance={**architecture.provenance, **provenance},
    )
