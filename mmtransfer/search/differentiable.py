"""The differentiable searcher of FNA++ (Sec. 3.2.2): sampled paths and the mixture."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.cost.table import CostTable
from mmtransfer.models import Supernet
from mmtransfer.randomness import draw_rng
from mmtransfer.registry import SEARCHERS
from mmtransfer.search.derive import (
    Probabilities,
    additive_for_target,
    check_finite,
    derive,
    plain_probabilities,
)
from mmtransfer.search.searcher import SearchConfigError, Searcher
from mmtransfer.search.step import StepPlan, architecture_step, weight_step
from mmtransfer.search.target import Target


@SEARCHERS.register_module()
class DifferentiableSearcher(Searcher):
    """Weight steps run sampled paths; architecture steps train the logits by the mixture of all
    candidates (Eq. 7), on held-out data.

    Its state is the supernet's logits and how many architecture steps have moved them, which every
    checkpoint holds; paths are drawn from (seed, iteration), so every rank draws the same and a
    resumed run goes on as if never stopped.

    Args:
        supernet: A backbone with ``space``, ``probabilities()`` and ``select``.
        table: The cost of its options.
        seed: The seed of the run.
        arch_begin: The epoch (from 0) in which architecture steps begin; before it paths are drawn
            uniformly, later by the softmax over the logits.
        alternation: ``(architecture steps, weight steps)`` per round, architecture first.
        target: The cost the derived backbone is to have; none: the most probable options win.
        tolerance: How far from the target it may end, relative.

    Raises:
        SearchConfigError: ``arch_begin`` or ``alternation`` is out of its range.
        TargetError: The target lies outside what the space can reach.
        ValueError: There is a target, and the costs do not add up.
    """

    kinds = ('weights', 'arch')

    def __init__(
        self,
        supernet: Supernet,
        table: CostTable,
        seed: int,
        arch_begin: int = 0,
        alternation: Sequence[int] = (1, 1),
        target: float | None = None,
        tolerance: float = 0.02,
    ) -> None:
        if arch_begin < 0:
            raise SearchConfigError(f'arch_begin must be an epoch >= 0; received {arch_begin}.')
        if len(alternation) != 2 or min(alternation) < 1:
            raise SearchConfigError(
                f'alternation must be (architecture steps, weight steps), both at least 1; '
                f'received {tuple(alternation)}.'
            )
        self.arch_begin = arch_begin
        self.arch_per_round, self.weights_per_round = alternation
        self.supernet = supernet
        self.table = table
        self.seed = seed
        self.target = None if target is None else Target(target, tolerance)
        if self.target is not None:
            additive_for_target(table)
            self.target.check(table)
        self.steps_taken = 0  # architecture steps so far
        self._known: Probabilities | None = None  # since the last one

    def steps(self, iteration: int, per_epoch: int) -> Iterator[StepPlan]:
        """The architecture steps that are due, then a weight step."""
        since = iteration - self.arch_begin * per_epoch
        if since >= 0 and since % self.weights_per_round == 0:
            first = since // self.weights_per_round * self.arch_per_round
            for number in range(first, first + self.arch_per_round):
                yield architecture_step(number)
        yield weight_step(iteration, self.path(iteration, uniform=since < 0))

    def steps_before(self, iteration: int, per_epoch: int) -> int:
        """How many architecture steps all earlier iterations have."""
        since = max(0, iteration - self.arch_begin * per_epoch)
        return ceil(since / self.weights_per_round) * self.arch_per_round

    def planned_arch_steps(self, iterations: int, per_epoch: int) -> tuple[int, int]:
        """The epoch in which they begin, and how many there will be."""
        return self.arch_begin, self.steps_before(iterations, per_epoch)

    def path(self, iteration: int, uniform: bool) -> Architecture:
        """What a weight step runs.

        Args:
            iteration: The loop's iteration.
            uniform: Draw uniformly, not by the softmax over the logits.
        """
        space = self.supernet.space
        rng = draw_rng(self.seed, 'path', iteration)
        if uniform:
            return space.sample(rng)
        if self._known is None:
            self._known = self.probabilities()
        weights = self._known
        options = {c.name: rng.choices(c.options, weights[c.name])[0] for c in space.choices}
        for _ in range(1000):
            broken = next((c for c in space.constraints if c.violated(options)), None)
            if broken is None:
                return space.architecture(options)
            for choice in space.choices:  # only what the constraint ties together, as in a stage
                if choice.name in broken.choices:
                    options[choice.name] = rng.choices(choice.options, weights[choice.name])[0]
        return self._derive()  # the constraints all but exclude what the logits prefer

    def probabilities(self) -> Probabilities:
        """Per choice the probability of each option, as plain numbers."""
        return plain_probabilities(self.supernet)

    def stepped(self, plan: StepPlan, probabilities: Probabilities) -> None:
        """Note that an architecture step was taken.

        Args:
            plan: Of the step.
            probabilities: What they are after it. The step reads them with its other numbers, so
                that no weight step has to wait for them again; they hold until the next one.

        Raises:
            ValueError: One of them is not finite.
        """
        check_finite(probabilities)
        self.steps_taken += 1
        self._known = probabilities

    def progress(self) -> dict[str, int]:
        """How many architecture steps there were."""
        return {'arch_steps': self.steps_taken}

    state = progress

    def restore(self, state: Mapping[str, Any], iteration: int, per_epoch: int) -> None:
        """Go on after as many architecture steps."""
        # Checkpoints of the first versions do not say how many there were.
        before = self.steps_before(iteration, per_epoch)
        self.steps_taken = state.get('arch_steps', before)

    def architecture(self) -> Architecture | None:
        """What the search has found so far; None before its first architecture step, while the
        logits are the random ones that they began with."""
        return self._derive() if self.steps_taken else None

    def _derive(self) -> Architecture:
        return derive(self.supernet.space, self.probabilities(), self.table, self.target)
