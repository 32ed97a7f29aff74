"""A step of a search as a value: what learns, from which data, through which part of the supernet.

The loop runs what a plan says and knows of no method; a searcher makes the plans.
"""

from dataclasses import dataclass

from mmtransfer.backbones.selection import MIXTURE, Selection

KINDS = ('weights', 'arch', 'joint')
LEARNERS = ('weights', 'arch')
TRAINING, HELD_OUT = 'training', 'held-out'


@dataclass(frozen=True)
class StepPlan:
    """One step of an optimiser.

    ``weight_step``, ``architecture_step`` and ``joint_step`` make the usual ones.

    Args:
        kind: ``'weights'``, ``'arch'`` or ``'joint'``: what regularisers ask for.
        number: Of the step among those of its kind, from 0. Its random numbers follow from it, and
            of the held-out part its batch.
        learns: What the step changes, and so which optimisers step: ``'weights'``, ``'arch'`` (the
            architecture parameters), or both.
        data: ``'training'``, the batch of the iteration, or ``'held-out'``.
        selection: What the supernet runs.
        statistics: Whether the running statistics of batch normalisation move.

    Raises:
        ValueError: A field has another value.
    """

    kind: str
    number: int
    learns: tuple[str, ...]
    data: str
    selection: Selection
    statistics: bool

    def __post_init__(self) -> None:
        for name, value, known in (
            ('kind', [self.kind], KINDS),
            ('learns', self.learns, LEARNERS),
            ('data', [self.data], (TRAINING, HELD_OUT)),
        ):
            if not value or not set(value) <= set(known):
                raise ValueError(
                    f'{name} of a step must be among {", ".join(known)}; received '
                    f'{getattr(self, name)!r}. Correct the plan that the searcher yields.'
                )


def weight_step(number: int, selection: Selection) -> StepPlan:
    """The weights learn from the batch of the iteration."""
    return StepPlan('weights', number, ('weights',), TRAINING, selection, statistics=True)


def architecture_step(number: int, selection: Selection = MIXTURE) -> StepPlan:
    """The architecture parameters learn from held-out data, and nothing else of the model moves."""
    return StepPlan('arch', number, ('arch',), HELD_OUT, selection, statistics=False)


def joint_step(number: int, selection: Selection = MIXTURE) -> StepPlan:
    """Weights and architecture parameters learn together from the batch of the iteration."""
    return StepPlan('joint', number, LEARNERS, TRAINING, selection, statistics=True)
