"""Does a pose set have the head boxes that its metric divides by?"""

from typing import Any

from mmtransfer.scoring.truth import without_head_boxes


class HeadBoxesError(ValueError):
    """PCKh is asked of a pose set that does not say how large the heads are."""


def check_head_boxes(dataset: Any, evaluator: Any, part: str) -> None:
    """Raise HeadBoxesError where a metric normalises by heads that the annotations do not hold.

    Args:
        dataset, evaluator: See ``without_head_boxes``.
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
