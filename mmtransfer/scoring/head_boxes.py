"""Does a pose set have the head boxes that its metric divides by?"""

from typing import Any

from mmengine.hooks import Hook

from mmtransfer.data.split import innermost
from mmtransfer.registry import HOOKS


class HeadBoxesError(ValueError):
    """PCKh is asked of a pose set that does not say how large the heads are."""


def without_head_boxes(dataset: Any, evaluator: Any) -> tuple[Any, Any] | None:
    """A metric that normalises by the head and the people that have none, if there are such.

    Args:
        dataset: What is evaluated; wrappers are looked through.
        evaluator: MMEngine's, with ``metrics``; those without ``norm_item`` are left alone.

    Returns:
        The metric, and the innermost dataset without ``head_size``.
    """
    asking = [m for m in evaluator.metrics if 'head' in (getattr(m, 'norm_item', None) or ())]
    for data in innermost(dataset) if asking else ():
        if len(data) > 0 and 'head_size' not in data.get_data_info(0):
            return asking[0], data
    return None


def check_head_boxes(dataset: Any, evaluator: Any, part: str) -> None:
    """Raise HeadBoxesError where a metric normalises by heads that the annotations do not hold.

    Args:
        dataset, evaluator: See :func:`without_head_boxes`.
        part: ``'val'`` or ``'test'``, for the message.
    """
    found = without_head_boxes(dataset, evaluator)
    if found is not None:
        metric, data = found
        raise HeadBoxesError(
            f'{type(metric).__name__} measures errors in head sizes (PCKh), so the people of '
            f'{part}_dataloader must have head boxes; {type(data).__name__} read none from '
            f'{getattr(data, "ann_file", "its annotations")!r} (headbox_file='
            f'{getattr(data, "headbox_file", None)!r}). Set {part}_dataloader.dataset.'
            f"headbox_file='....mat' (mmpose's MpiiDataset reads it), or measure in boxes: "
            f"{part}_evaluator=dict(type='PCKAccuracy', norm_item='bbox')."
        )


@HOOKS.register_module()
class CheckHeadBoxesHook(Hook):
    """Runs :func:`check_head_boxes` on all that a run will evaluate, before its first batch."""

    def before_run(self, runner) -> None:
        """Called once, when the loops of the run are built."""
        for part in ('val', 'test'):
            loop = getattr(runner, f'_{part}_loop')
            if hasattr(loop, 'evaluator'):  # until it is built, a loop is its config
                check_head_boxes(loop.dataloader.dataset, loop.evaluator, part)
