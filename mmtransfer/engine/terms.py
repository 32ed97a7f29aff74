"""The regularisers of a training: built, checked, and added to the loss of each step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmtransfer.cost.table import CostTable
from mmtransfer.engine.optim import RegularisedOptimWrapper
from mmtransfer.models import Supernet
from mmtransfer.registry import REGULARISERS
from mmtransfer.remap.sources import own_backbones
from mmtransfer.search import Regulariser, Step
from mmtransfer.search.recording import INPUT, check_recordable, recordable, recording


class Terms:
    """The terms that join the losses of a training.

    Args:
        configs: Of the regularisers.
        backbone: What they may ask to have recorded.
        table: Of the costs; None in an ordinary training.
        supernet: What is searched; None in an ordinary training.

    Raises:
        ValueError: A regulariser makes no sense here, two have one name, or one asks for what the
            backbone does not have.
    """

    def __init__(
        self,
        configs: Sequence[dict],
        backbone: nn.Module,
        table: CostTable | None = None,
        supernet: Supernet | None = None,
    ) -> None:
        self.backbone, self.table, self.supernet = backbone, table, supernet
        with DefaultScope.overwrite_default_scope('mmtransfer'):  # they have no parent registry
            self.regularisers: list[Regulariser] = [REGULARISERS.build(dict(c)) for c in configs]
        names = [r.name for r in self.regularisers]
        if len(set(names)) < len(names):
            raise ValueError(
                f'regularisers must have different names, under which they are logged; received '
                f'{names}. Leave one out.'
            )
        for regulariser in self.regularisers:
            regulariser.check(table)
            check_recordable(backbone, self._wanted(regulariser))

    def _wanted(self, regulariser: Regulariser) -> Sequence[str]:
        wanted = getattr(regulariser, 'records', ())
        return [INPUT, *recordable(self.backbone)] if wanted == 'all' else wanted

    @contextmanager
    def joining(
        self, optimiser: RegularisedOptimWrapper, kind: str, iteration: int, batch: Any
    ) -> Iterator[None]:
        """Inside, a step of this optimiser has the terms that act in its kind.

        Args:
            optimiser: Adds them to the loss that it is given.
            kind: Of the step.
            iteration: The loop's.
            batch: As the loader gave it.
        """
        acting = [r for r in self.regularisers if kind in r.acts_in]
        if not acting:
            yield
            return
        names = dict.fromkeys(name for r in acting for name in self._wanted(r))
        with recording(self.backbone, names) as (records, end):

            def terms() -> dict[str, Tensor]:
                end()  # nothing is recorded when activations are recomputed
                step = Step(kind, iteration, self.supernet, self.table, batch, records)
                return {name: term for r in acting for name, term in _named(r, step)}

            optimiser.terms = terms
            try:
                yield
            finally:
                optimiser.terms = dict


def _named(regulariser: Regulariser, step: Step) -> Iterator[tuple[str, Tensor]]:
    found = regulariser(step)
    if isinstance(found, Tensor):
        yield regulariser.name, found
    else:
        yield from found.items()


def recorded_backbone(model: Any) -> nn.Module:
    """The backbone of a model that regularisers look at: the one of ours, or ``model.backbone``.

    Raises:
        ValueError: There is none, or there are several.
    """
    found = list(own_backbones(model).values()) or [
        m.backbone for m in model.modules() if isinstance(getattr(m, 'backbone', None), nn.Module)
    ]
    if len(found) != 1:
        raise ValueError(
            f'regularisers look at the one backbone of a model; {type(model).__name__} has '
            f'{len(found)}. Remove train_cfg.regularisers.'
        )
    return found[0]
