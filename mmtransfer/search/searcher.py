"""What the loop asks of a searcher."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from mmtransfer.architecture import Architecture
from mmtransfer.search.derive import Probabilities
from mmtransfer.search.step import StepPlan
from mmtransfer.search.target import Target


class SearchConfigError(ValueError):
    """A search config that cannot be run as it stands."""


class Searcher(Protocol):
    """Plans the steps of a search, may ask for candidates, and ends with an architecture.

    The loop builds it with ``supernet``, ``table`` and ``seed`` beside its own arguments. In each
    iteration it runs the plans of ``steps``; after the last one it scores what ``ask``
    gives until that is None. A class that inherits from this one writes ``kinds``, ``steps``
    and ``architecture``, and of the rest what differs.

    Attributes:
        kinds: Of the steps that it plans: ``'weights'``, ``'arch'``, ``'joint'``. With joint steps
            ``optim_wrapper`` is an ordinary one; otherwise it has the parts ``weights`` and, for a
            supernet with logits, ``arch``.
        holds_out: Whether a part of the training set is held out, because a step reads it or
            candidates are scored on it. If not, the weights learn from the whole set.
        candidates: How many candidates it will ask for, at most; 0: none.
        hooks: Names of hooks that report what it has found; the loop brings them along.
        target: The cost that the backbone is to have, if there is one.
        seed: Of the run; everything random follows from it. The loop sets it where a run that is
            resumed had another one.
    """

    kinds: tuple[str, ...]
    holds_out: bool = True
    candidates: int = 0
    hooks: tuple[str, ...] = ()
    target: Target | None = None
    seed: int = 0

    def steps(self, iteration: int, per_epoch: int) -> Iterator[StepPlan]:
        """The steps of one iteration, in order.

        How many there are, of which kinds and numbers, follows from the arguments alone, so a
        resumed run goes on bit for bit. Each plan is taken when the step before has been run, so a
        selection may follow from what was learned until then.

        Args:
            iteration: From 0, over the whole run.
            per_epoch: Iterations of an epoch.
        """
        ...

    def architecture(self) -> Architecture | None:
        """What the search has found so far; None while it has learned or scored nothing."""
        ...

    def evaluated(self) -> Architecture | None:
        """What a validation runs, by default what is found; None: what is nearest to the seed."""
        return self.architecture()

    def stepped(self, plan: StepPlan, probabilities: Probabilities) -> None:
        """Called after each step in which the architecture parameters learned.

        Args:
            plan: Of the step.
            probabilities: Those of the supernet after it, as plain numbers.
        """
        return

    def planned_arch_steps(self, iterations: int, per_epoch: int) -> tuple[int, int] | None:
        """In which epoch architecture steps begin, and how many a run of so many iterations has;
        None for a searcher that takes none."""
        return None

    def progress(self) -> dict[str, Any]:
        """JSON values on how far it is, noted in architecture files and checkpoints."""
        return {}

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold of it beside parameters and scores: plain values, tensors."""
        return {}

    def restore(self, state: Mapping[str, Any], iteration: int, per_epoch: int) -> None:
        """Take up what ``state`` gave.

        Args:
            state: Empty where the checkpoint is of a version that noted none.
            iteration: How many iterations were over.
            per_epoch: Iterations of an epoch.
        """
        return

    def ask(self) -> Architecture | None:
        """The next candidate to score; None when there are no more."""
        return None

    def tell(self, candidate: Architecture, fitness: float) -> None:
        """Note what a candidate is worth; greater is better."""
        return
