"""What the labels of a data set mean: the names of its classes, or of its joints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.fileio import get_local_path

from mmtransfer.compat.annotations import read_categories


@dataclass(frozen=True)
class Labels:
    """Label -> name.

    Args:
        kind: ``'classes'`` or ``'joints'``.
        names: The name of label i at place i.
    """

    kind: str
    names: tuple[str, ...]


def labels_in(metainfo: Mapping[str, Any] | None) -> Labels | None:
    """What the ``metainfo`` of a data set says of its labels; None where it says nothing."""
    known = metainfo or {}
    if known.get('keypoint_id2name'):
        joints = known['keypoint_id2name']
        return Labels('joints', tuple(str(joints[i]) for i in sorted(joints)))
    names = known.get('classes')
    return Labels('classes', tuple(map(str, names))) if names else None


def names_in_file(dataset: Any) -> tuple[str, ...] | None:
    """The names that the labels of a COCO data set have by its file, in the order of the labels.

    mmdet numbers the categories in the order of the file, whatever the order of ``classes``, and
    leaves out those that the file does not list.

    Returns:
        None for a data set that is not read in this way.
    """
    ids = getattr(dataset, 'cat_ids', None)
    if ids is None or not getattr(dataset, 'ann_file', ''):
        return None
    backend = getattr(dataset, 'backend_args', None)
    with get_local_path(dataset.ann_file, backend_args=backend) as file:
        names = read_categories(file)
    return tuple(names[i] for i in ids) if names and set(ids) <= set(names) else None


def names_in_metric(metric: Any, classes: Sequence[str]) -> tuple[str, ...] | None:
    """The names that labels have by the file of a COCO metric, which numbers them in the same way.

    Returns:
        None for other metrics, and those that take the truth from the data set.
    """
    truth = getattr(getattr(metric, '_coco_api', None), 'dataset', None)
    if not truth:
        return None
    return tuple(c['name'] for c in truth.get('categories', []) if c['name'] in classes)
