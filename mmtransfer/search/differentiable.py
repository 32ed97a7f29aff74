"""The differentiable searcher of FNA++ (Sec. 3.2.2): sampled paths and the mixture."""

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import MIXTURE
from mmtransfer.cost.table import CostTable
from mmtransfer.randomness import draw_rng
from mmtransfer.registry import SEARCHERS
from mmtransfer.search.derive import (
    Probabilities,
    additive_for_target,
    check_finite,
    derive,
    plain_probabilities,
)
from mmtransfer.search.target import Target


@SEARCHERS.register_module()
class DifferentiableSearcher:
    """Decides which options run in a step and which architecture comes out.

    Its state is the supernet's logits and how many architecture steps have moved them, which every
    checkpoint holds; paths are drawn from (seed, iteration), so every rank draws the same and a
    resumed run goes on as if never stopped.

    Args:
        supernet: A backbone with ``space``, ``probabilities()`` and ``select``.
        table: The cost of its options.
        seed: The seed of the run.
        target: The cost the derived backbone is to have; none: the most probable options win.
        tolerance: How far from the target it may end, relative.

    Raises:
        TargetError: The target lies outside what the space can reach.
        ValueError: There is a target, and the costs do not add up.
    """

    def __init__(
        self,
        supernet,
        table: CostTable,
        seed: int,
        target: float | None = None,
        tolerance: float = 0.02,
    ) -> None:
        self.supernet = supernet
        self.table = table
        self.seed = seed
        self.target = None if target is None else Target(target, tolerance)
        if self.target is not None:
            additive_for_target(table)
            self.target.check(table)
        self.steps = 0  # architecture steps so far
        self._known: Probabilities | None = None  # since the last one

    def propose(self, kind: str, iteration: int, uniform: bool) -> Architecture | str:
        """The selection of a step.

        Args:
            kind: ``'arch'`` runs the mixture of all candidates (Eq. 7), ``'weights'`` one sampled
                path.
            iteration: The loop's iteration.
            uniform: Before the first architecture step paths are drawn uniformly, later by softmax.
        """
        if kind == 'arch':
            return MIXTURE
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

    def stepped(self, probabilities: Probabilities) -> None:
        """Note that an architecture step was taken.

        Args:
            probabilities: What they are after it. The step reads them with its other numbers, so
                that no weight step has to wait for them again; they hold until the next one.

        Raises:
            ValueError: One of them is not finite.
        """
        check_finite(probabilities)
        self.steps += 1
        self._known = probabilities

    def architecture(self) -> Architecture | None:
        """What the search has found so far; None before its first architecture step, while the
        logits are the random ones that they began with."""
        return self._derive() if self.steps else None

    def _derive(self) -> Architecture:
        return derive(self.supernet.space, self.probabilities(), self.table, self.target)
