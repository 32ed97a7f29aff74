"""Is there something to learn from and to measure in the annotations of a data set?"""

from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import Any

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.dataset import Compose

from mmtransfer.annotations import DataError, EmptyDataError, is_annotated, listed, say_empty

from .exact_metrics import of_toolbox
from .parallel import unwrap
from .parts import Part

# COCO's small, medium and large: the end of a metric's name -> areas in pixels.
_AREAS = {'_s': (0, 32**2), '_m': (32**2, 96**2), '_l': (96**2, inf)}
# So many label maps of a data set are looked at, evenly spaced: a fraction of a second.
_MAPS = 8


def check_annotated(part: Part) -> None:
    """Refuse data without one annotation: COCO's metrics would be -1, PCK -100, a mean nan.

    Data whose metrics only write predictions (``format_only``) may have none.

    Raises:
        EmptyDataError: Counts the images, and says which classes were asked for.
    """
    if part.metrics and all(getattr(m, 'format_only', False) for m in part.metrics):
        return
    for key, data in part.bearers():
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


def check_label_maps(model: Any, part: Part) -> None:
    """Refuse labels of a segmentation that no output stands for, in some of its label maps.

    Args:
        model: Its decode heads say how many classes there are, and which label they ignore.
        part: Data sets of mmseg; others are left alone.

    Raises:
        DataError: Names a file, its labels, and the keys to correct.
    """
    heads = [m for m in unwrap(model).modules() if hasattr(m, 'ignore_index')]
    counts = {h.num_classes for h in heads if isinstance(getattr(h, 'num_classes', None), int)}
    if not counts:
        return
    classes, ignored = min(counts), {h.ignore_index for h in heads}
    for key, data in part.bearers():
        for file, labels in _label_maps(data):
            wrong = sorted(label for label in labels - ignored if not 0 <= label < classes)
            if wrong:
                raise DataError(
                    f'the label maps of {key} must hold labels from 0 to {classes - 1}, as '
                    f'model.decode_head.num_classes={classes}, or those ignored, '
                    f'{sorted(ignored)}; {file!r} holds {listed(wrong)}. Set num_classes and '
                    f'{key}.metainfo.classes to what the maps hold, {key}.reduce_zero_label=True '
                    f'where 0 is to be ignored, or number the labels anew.'
                )


def _label_maps(dataset: Any) -> Any:
    """File and labels of some samples, as the pipeline of an mmseg data set loads them."""
    transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    load = next((t for t in transforms if isinstance(t, LoadAnnotations)), None)
    if load is None or not hasattr(dataset, 'label_map'):
        return
    for index in np.linspace(0, len(dataset) - 1, min(_MAPS, len(dataset))).round().astype(int):
        info = dataset.get_data_info(int(index))
        if 'seg_map_path' in info:
            labels = np.unique(Compose([load])(info)['gt_seg_map'])
            yield info['seg_map_path'], set(labels.tolist())
