"""Is there something to learn from and to measure in the annotations of a data set?"""

from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import Any

import numpy as np
from mmcv.transforms import LoadAnnotations

from mmtransfer.compat.annotations import EmptyDataError, is_annotated, say_empty
from mmtransfer.data.parts import Part
from mmtransfer.data.split import innermost
from mmtransfer.scoring.exact_metrics import of_toolbox

# COCO's small, medium and large: the end of a metric's name -> areas in pixels.
_AREAS = {'_s': (0, 32**2), '_m': (32**2, 96**2), '_l': (96**2, inf)}


def check_annotated(part: Part) -> None:
    """Refuse data without one annotation: COCO's metrics would be -1, PCK -100, a mean nan.

    Data whose metrics only write predictions (``format_only``) may have none.

    Raises:
        EmptyDataError: Counts the images, and says which classes were asked for.
    """
    if part.metrics and all(getattr(m, 'format_only', False) for m in part.metrics):
        return
    for key, data in part.named_datasets():
        if len(data) == 0:
            raise EmptyDataError(f'{key}{part.share} must hold samples: {say_empty(data, [])}')
        if not part.metrics and _is_unlabelled(data):
            continue
        if hasattr(data, 'get_data_info') and not has_annotations(data):
            records = [data.get_data_info(i) for i in range(len(data))]
            raise EmptyDataError(
                f'{key}{part.share} must hold annotations: {say_empty(data, records)}'
            )


def _is_unlabelled(dataset: Any) -> bool:
    """Whether a detector learns from its images alone, as semi-supervised ones do from some."""
    transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    loads = any(isinstance(t, LoadAnnotations) for t in transforms)
    return not loads and 'instances' in dataset.get_data_info(0)


def has_annotations(dataset: Any) -> bool:
    """Whether a sample of a data set has an annotation, or may have one."""
    records = (dataset.get_data_info(i) for i in range(len(dataset)))
    return any(is_annotated(record) is not False for record in records)


def has_objects(name: str, metrics: Sequence[Any]) -> bool:
    """Whether a COCO metric has an object of the size that it is asked about.

    Args:
        name: Of the score, such as ``'coco/bbox_mAP_s'``; others ask about all sizes.
        metrics: Of the evaluator; those without an annotation file are taken to have some.
    """
    low, high = _AREAS.get(name[-2:], (0, inf))
    truths = [getattr(getattr(m, '_coco_api', None), 'dataset', None) for m in metrics]
    objects = [a for truth in truths if truth for a in truth.get('annotations', [])]
    areas = [a.get('area', low) for a in objects if not a.get('iscrowd')]
    return not any(truths) or any(low <= area <= high for area in areas)


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


def measured(metrics: Sequence[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What an evaluator reports, with NaN for what it had nothing to measure by.

    The toolboxes say -1 (COCO) or -100 (PCK, in percent) then; what they measure is at least 0.

    Args:
        metrics: Of the evaluator.
        found: What its ``evaluate`` returned.
    """
    own = {m.prefix for m in metrics if not of_toolbox(m)}  # of other metrics nothing is known

    def is_missing(name: str, value: Any) -> bool:
        prefix = name.rpartition('/')[0] or None
        return prefix not in own and isinstance(value, (int, float, np.number)) and bool(value < 0)

    return {k: nan if is_missing(k, v) else v for k, v in found.items()}
