"""Several candidates of a supernet scored in one pass over the data: what they share runs once.

They take turns on every batch. Stem and blocks of the supernet remember what they made of their
last input, and return it again when they are given the very same tensor. So the first blocks that
two candidates have in common run once, without anybody saying which these are. What reached a norm
in such a block counts for the re-estimated statistics of every candidate that shares it.

Each candidate has its own random numbers, statistics and evaluator, and what is used again are the
very tensors that it would have computed. So its score is the one that ``HeldOut`` gives, bit
for bit on the CPU.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from mmtransfer.architecture import Architecture
from mmtransfer.data.loaders import forget_leftovers
from mmtransfer.randomness import random_state, set_random_state
from mmtransfer.scoring import held_out
from mmtransfer.scoring.bn import NormSums, again, batch_statistics, forward, listening

# Norms with their running means and variances.
Statistics = Sequence[tuple[Any, Tensor, Tensor]]


@dataclass(frozen=True)
class _Remembered:
    """What a module made of a tensor, and what its norms were given; with how often each tensor had
    been written into."""

    given: Tensor
    made: Tensor
    versions: tuple[int, int]
    heard: Sequence[tuple[Any, Tensor, int]]

    def is_of(self, x: Tensor, by_value: bool) -> bool:
        untouched = self.versions == (self.given._version, self.made._version)
        return untouched and (x is self.given or by_value and torch.equal(x, self.given))


class RememberingBlocks:
    """Lets stem and blocks of a supernet return again what they made of the same input before.

    Where a candidate is given other images than the ones before it (a random augmentation on the
    device), or something wrote into what is remembered, the modules run again.

    Args:
        supernet: With ``stem``, ``pool`` and ``stages`` of blocks; it does not know of this.

    Attributes:
        run: How many blocks have run, counted for every batch.
        alone: How many would have run if nothing was remembered.
        passes: Of the candidate over this batch.
        heard: Is told what reached a norm, see ``mmtransfer.scoring.bn.listening``.
    """

    def __init__(self, supernet: Any) -> None:
        self.stem: nn.Module = supernet.stem
        self.blocks: set[nn.Module] = {block for stage in supernet.stages for block in stage}
        self.modules = [self.stem, *filter(None, [supernet.pool]), *self.blocks]
        self.run = self.alone = self.passes = 0
        self.heard: Callable[[Any, Tensor, int], None] = lambda *_: None
        self._events: list[tuple[Any, Tensor, int]] = []
        self._remembered: dict[tuple[int, nn.Module], _Remembered] = {}

    def forget(self) -> None:
        """Free what is remembered."""
        self._remembered.clear()

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Inside, the modules remember."""
        for module in self.modules:
            module.forward = partial(self._forward, module, module.forward)
        try:
            yield
        finally:
            for module in self.modules:
                del module.forward
            self.forget()

    def hear(self, layer: Any, statistics: Tensor, count: int) -> None:
        """Pass on what reached a norm, and remember it with the block."""
        self._events.append((layer, statistics, count))
        self.heard(layer, statistics, count)

    def _forward(self, module: nn.Module, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        self.passes += module is self.stem
        self.alone += module in self.blocks
        known = self._remembered.get((self.passes, module))
        if known is not None and known.is_of(x, by_value=module is self.stem):
            for event in known.heard:
                self.heard(*event)
            return known.made
        self.run += module in self.blocks
        version, self._events = x._version, []
        made = forward(x)
        self._remembered[self.passes, module] = _Remembered(
            x, made, (version, made._version), tuple(self._events)
        )
        return made


class SharedHeldOut(held_out.HeldOut):
    """As ``HeldOut``; at the first pending candidate that it is asked for, it scores all.

    Args:
        inputs: What is scored, and on what.
        settings: How to score.
        pending: Says which candidates without a score will be asked for next.
    """

    def __init__(
        self,
        inputs: held_out.ScoringInputs,
        settings: held_out.Evaluation,
        pending: Callable[[], Sequence[Architecture]] = tuple,
    ) -> None:
        super().__init__(inputs, settings)
        self.pending = pending
        self.blocks = RememberingBlocks(inputs.supernet)
        self._outcomes: dict[Architecture, held_out.Outcome] = {}

    def __call__(self, architecture: Architecture) -> float:
        """The score of one candidate."""
        if architecture not in self._outcomes:
            due = self.pending()
            self._outcomes = self.together(due if architecture in due else [architecture])
        score, self.metrics = self._outcomes.pop(architecture)
        return score

    def together(self, candidates: Sequence[Architecture]) -> dict[Architecture, held_out.Outcome]:
        """Score and metrics of several candidates, from one pass over the data.

        Args:
            candidates: All different, in any order; they share most when sorted by the stage in
                which they differ.
        """
        with held_out.kept_statistics(self.model), self.blocks.remembering():
            statistics = self._statistics(candidates)
            outcomes = self.scorer.score(self._turns(candidates, statistics))
        return dict(zip(candidates, outcomes, strict=True))

    @torch.no_grad()
    def _statistics(self, candidates: Sequence[Architecture]) -> list[Statistics]:
        """Each candidate's, as ``mmtransfer.scoring.bn.reestimate_bn`` has them."""
        loader, turns = self.inputs.weights_loader, self._turns(candidates)
        self.begin()
        loader.start_at(0, 0)
        with batch_statistics(self.model) as layers:
            sums = [NormSums(layers) for _ in candidates]
            with listening(layers, self.blocks.hear):
                try:
                    for batch in islice(again(loader), self.settings.bn_iterations):
                        own = held_out.copies(batch, turns)
                        for turn, data, kept in zip(turns, own, sums, strict=True):
                            self.blocks.heard = kept.add
                            with turn():
                                forward(self.model, data)
                finally:
                    forget_leftovers(loader.batch_sampler)
        found: list[Statistics] = []
        for kept in sums:
            with held_out.kept_statistics(self.model):
                kept.write(self.model)
                found.append([(m, m.running_mean.clone(), m.running_var.clone()) for m in layers])
        return found

    def _turns(
        self, candidates: Sequence[Architecture], statistics: Sequence[Statistics] = ()
    ) -> list[held_out.Turn]:
        """Turns on every batch, in which each candidate runs as if it were alone: with statistics
        of its own, and random numbers that go on from its last turn."""
        states: dict[Architecture | None, Any] = {}

        @contextmanager
        def turn(candidate: Architecture, own: Statistics) -> Iterator[None]:
            if candidate is candidates[0]:
                self.blocks.forget()  # a new batch
            if not states:  # where all candidates begin
                states[None] = random_state()
            set_random_state(states.get(candidate, states[None]))
            for layer, mean, variance in own:
                layer.running_mean.copy_(mean)
                layer.running_var.copy_(variance)
            self.blocks.passes = 0
            with self.inputs.supernet.evaluating(candidate):
                yield
            states[candidate] = random_state()

        every = statistics or [()] * len(candidates)
        return [partial(turn, c, own) for c, own in zip(candidates, every, strict=True)]
