"""Candidates of one step of a greedy search, scored together: what they share is run once.

The candidates grow one stage each, so all blocks before the new one are the same for several of
them. They take turns on every batch; what the supernet's stem and first blocks made of it in an
earlier turn is used again. Statistics of batch normalisation are re-estimated in the same way: what
reached a norm in a shared block counts for every candidate that shares it.

Each candidate has its own random numbers, statistics and evaluator, and what is used again are the
very tensors that it would have computed. So its score is the one that :class:`HeldOut` gives, bit
for bit on the CPU.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmtransfer.architecture import Architecture
from mmtransfer.data.loaders import forget_leftovers
from mmtransfer.scoring.bn import NormSums, again, batch_statistics, forward, listening
from mmtransfer.scoring.held_out import (
    Evaluation,
    HeldOut,
    Outcome,
    ScoringInputs,
    Turn,
    copies,
    kept_statistics,
)

# The blocks that run, in order: (stage, number in it).
Path = tuple[tuple[int, int], ...]
# A norm, the statistics of its input, and of how many elements they are.
Heard = tuple[Any, Tensor, int]


@dataclass
class BlockCount:
    """Block evaluations, one per batch.

    Args:
        run: How many there were.
        alone: How many there would have been without sharing.
    """

    run: int = 0
    alone: int = 0


class SharedHeldOut(HeldOut):
    """As :class:`HeldOut`, for a :class:`DepthSupernet` and a searcher that says which candidates
    are pending: at the first one that it is asked for, it scores all of them.

    Args:
        inputs: What is scored, and on what.
        settings: How to score.
        pending: Says which candidates without a score will be asked for next.
    """

    def __init__(
        self,
        inputs: ScoringInputs,
        settings: Evaluation,
        pending: Callable[[], Sequence[Architecture]] = tuple,
    ) -> None:
        super().__init__(inputs, settings)
        self.pending = pending
        self.blocks = BlockCount()
        self._outcomes: dict[Architecture, Outcome] = {}

    def __call__(self, architecture: Architecture) -> float:
        """The score of one candidate."""
        if architecture not in self._outcomes:
            due = self.pending()
            self._outcomes = self.together(due if architecture in due else [architecture])
        score, self.metrics = self._outcomes.pop(architecture)
        return score

    def together(self, candidates: Sequence[Architecture]) -> dict[Architecture, Outcome]:
        """Score and metrics of several candidates, from one pass over the data.

        Args:
            candidates: All different, in any order; they share most when sorted by the stage in
                which they differ.
        """
        turns = _Turns(self, candidates)
        with kept_statistics(self.model), turns.at(self.inputs.supernet):
            turns.reestimate()
            turns.restart()
            outcomes = self.scorer.score(turns.each())
        return dict(zip(candidates, outcomes, strict=True))


class _Turns:
    """Candidates that take turns on every batch, each as if it were alone."""

    def __init__(self, held_out: SharedHeldOut, candidates: Sequence[Architecture]) -> None:
        self.held_out = held_out
        self.candidates = candidates
        self.supernet = held_out.inputs.supernet
        self.prefixes = Prefixes(self.supernet, candidates, held_out.blocks)
        self.statistics: dict[Architecture, list[tuple[Any, Tensor, Tensor]]] = {}
        self.restart()

    def restart(self) -> None:
        """A new pass over data: all candidates begin with the same random numbers."""
        self.begun: Any = None
        self.states: dict[Architecture, Any] = {}

    def each(self) -> list[Turn]:
        """One turn per candidate."""
        return [partial(self.turn, c) for c in self.candidates]

    @contextmanager
    def at(self, supernet: Any) -> Iterator[None]:
        """Inside, the supernet runs through the prefixes."""
        supernet.through = self.prefixes
        try:
            yield
        finally:
            supernet.through = None

    @contextmanager
    def turn(self, candidate: Architecture) -> Iterator[None]:
        """Inside, this candidate is selected, with its statistics and its random numbers."""
        if self.begun is None:
            self.begun = random_state()
        if candidate is self.candidates[0]:
            self.prefixes.forget()  # a new batch
        set_random_state(self.states.get(candidate, self.begun))
        for layer, mean, variance in self.statistics.get(candidate, ()):
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(variance)
        with self.supernet.evaluating(candidate), self.prefixes.of(candidate):
            yield
        self.states[candidate] = random_state()

    @torch.no_grad()
    def reestimate(self) -> None:
        """Each candidate's statistics, as :func:`mmtransfer.scoring.bn.reestimate_bn` has them."""
        held_out, model = self.held_out, self.held_out.model
        loader = held_out.inputs.weights_loader
        held_out.begin()
        loader.at(0, 0)
        with batch_statistics(model) as layers:
            sums = {c: NormSums(layers) for c in self.candidates}
            with listening(layers, self.prefixes.hear):
                try:
                    for batch in islice(again(loader), held_out.settings.bn_iterations):
                        turns = self.each()
                        for c, own in zip(self.candidates, copies(batch, turns), strict=True):
                            self.prefixes.heard = sums[c].add
                            with self.turn(c):
                                forward(model, own)
                finally:
                    forget_leftovers(loader.batch_sampler)
        with kept_statistics(model):
            before = [(m, m.running_mean.clone(), m.running_var.clone()) for m in layers]
            for c in self.candidates:
                for m, mean, variance in before:
                    m.running_mean.copy_(mean)
                    m.running_var.copy_(variance)
                sums[c].write(model)
                self.statistics[c] = [
                    (m, m.running_mean.clone(), m.running_var.clone()) for m in layers
                ]


@dataclass(frozen=True)
class _Known:
    """What the first blocks of a path made of an image batch.

    Args:
        image: What they were given.
        x: What the last of them returned.
        outputs: Of the stages that were complete.
        heard: What their norms were given.
        versions: Of ``x`` and the outputs: whether anything wrote into them since.
    """

    image: Tensor
    x: Tensor
    outputs: tuple[Tensor, ...]
    heard: tuple[Heard, ...]
    versions: tuple[int, ...]

    @property
    def untouched(self) -> bool:
        return self.versions == versions(self.x, self.outputs)


def versions(x: Tensor, outputs: Sequence[Tensor]) -> tuple[int, ...]:
    """How often each tensor was written into."""
    return tuple(t._version for t in (x, *outputs))


class Prefixes:
    """Runs the stem and the stages of a supernet and remembers what several candidates share.

    Where a candidate is given other images than the ones before it (a random augmentation on the
    device), or something wrote into what is remembered, it runs everything itself.

    Args:
        supernet: A :class:`DepthSupernet`.
        candidates: Architectures that will be selected.
        count: Counts the blocks.
    """

    def __init__(
        self, supernet: Any, candidates: Sequence[Architecture], count: BlockCount
    ) -> None:
        self.supernet = supernet
        self.count = count
        self.paths = {c: self._path(c) for c in candidates}
        self.shared = {common(a, b) for a, b in combinations(self.paths.values(), 2)}
        self.heard: Callable[[Any, Tensor, int], None] = lambda *_: None
        self._known: dict[tuple[int, Path], _Known] = {}
        self._events: list[Heard] = []

    def forget(self) -> None:
        """A new batch begins."""
        self._known.clear()

    @contextmanager
    def of(self, candidate: Architecture) -> Iterator[None]:
        """Inside, this candidate runs, in one or several forward passes of the supernet."""
        self.path, self.passes = self.paths[candidate], 0
        yield

    def hear(self, layer: Any, statistics: Tensor, count: int) -> None:
        """Pass on what reached a norm, and remember it with the blocks."""
        self._events.append((layer, statistics, count))
        self.heard(layer, statistics, count)

    def begin(self, image: Tensor) -> Tensor:
        """The stem's features, or those of the longest shared prefix that is known."""
        self.passes += 1
        self.count.alone += len(self.path)
        self._image = image
        known = self._recall()
        if known is None:
            self._done, self._outputs, self._events = 0, [], []
            self._at: Tensor | None = None
            x = self.supernet.begin(image)
            self._remember(x)
            return x
        self._outputs, self._at = list(known.outputs), known.x
        self._events = []
        for event in known.heard:
            self.hear(*event)
        return known.x

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        """The blocks of a stage that no earlier candidate has run on this batch."""
        if stage < len(self._outputs):
            return self._outputs[stage]
        if self._at is not None:
            x, self._at = self._at, None
        for _, number in (block for block in self.path[self._done :] if block[0] == stage):
            x = self.supernet.stages[stage][number](x)
            self._done += 1
            self.count.run += 1
            self._remember(x)
        self._outputs.append(x)
        return x

    def _path(self, candidate: Architecture) -> Path:
        supernet = self.supernet
        with supernet.evaluating(candidate):
            return tuple(
                (stage, number)
                for stage in range(supernet.out_indices[-1] + 1)
                for number in range(supernet.kept(stage))
            )

    def _remember(self, x: Tensor) -> None:
        prefix = self.path[: self._done]
        if prefix in self.shared and (self.passes, prefix) not in self._known:
            outputs = tuple(self._outputs)
            self._known[self.passes, prefix] = _Known(
                self._image, x, outputs, tuple(self._events), versions(x, outputs)
            )

    def _recall(self) -> _Known | None:
        for length in range(len(self.path), -1, -1):
            key = self.passes, self.path[:length]
            known = self._known.get(key)
            if known is None:
                continue
            if known.untouched and torch.equal(known.image, self._image):
                self._done = length
                return known
            del self._known[key]
        return None


def common(first: Path, second: Path) -> Path:
    """The longest path that both begin with."""
    length = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        length += 1
    return first[:length]


def random_state() -> tuple[Any, ...]:
    """The states of the generators of ``random``, NumPy and torch."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def set_random_state(state: tuple[Any, ...]) -> None:
    """The inverse of :func:`random_state`."""
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    if state[3] is not None:
        torch.cuda.set_rng_state_all(state[3])
