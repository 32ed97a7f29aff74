"""Is there an output for every label of a segmentation?"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.dataset import Compose

from mmtransfer.compat.annotations import SampleError, listed
from mmtransfer.data.parts import Part
from mmtransfer.models import unwrap

# So many label maps of a data set are looked at before the first step, evenly spaced: a fraction
# of a second.
_MAPS = 8


@dataclass(frozen=True)
class CheckLabels:
    """A transform behind the one that reads a label map: refuses labels without an output.

    In training torch would end with an IndexError or, on a GPU, an assertion of the device.

    Args:
        key: Of the data set in the config.
        classes: Labels are below this number.
        ignored: Labels that the loss leaves out.
    """

    key: str
    classes: int
    ignored: Collection[int]

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        """Check one sample.

        Raises:
            SampleError: Names the sample, its file, its labels, and the keys to correct.
        """
        labels = data['gt_seg_map']
        wrong = (labels < 0) | (labels >= self.classes)
        for label in self.ignored:
            wrong &= labels != label
        if wrong.any():
            found = listed(np.unique(labels[wrong]).tolist())
            raise SampleError(
                f'the label maps of {self.key} must hold labels from 0 to {self.classes - 1}, as '
                f'model.decode_head.num_classes={self.classes}, or those ignored, '
                f'{sorted(self.ignored)}; sample {data.get("sample_idx")}, '
                f'{data.get("seg_map_path")!r} holds {found}. Set num_classes and '
                f'{self.key}.metainfo.classes to what the maps hold, '
                f'{self.key}.reduce_zero_label=True where 0 is to be ignored, or renumber the '
                f'labels.'
            )
        return data


def check_label_maps(model: Any, part: Part) -> None:
    """Refuse labels of a segmentation that no output stands for: in some label maps now, in every
    other one when it is read.

    Args:
        model: Its decode heads say how many classes there are, and which label they ignore.
        part: Data sets of mmseg, whose pipelines are changed; others are left alone.

    Raises:
        SampleError: See ``CheckLabels``.
    """
    heads = [m for m in unwrap(model).modules() if hasattr(m, 'ignore_index')]
    counts = {h.num_classes for h in heads if isinstance(getattr(h, 'num_classes', None), int)}
    if not counts:
        return
    ignored = frozenset(h.ignore_index for h in heads)
    for key, data in part.named_datasets():
        transforms: Any = getattr(getattr(data, 'pipeline', None), 'transforms', ())
        load = next((t for t in transforms if isinstance(t, LoadAnnotations)), None)
        if load is None or not hasattr(data, 'label_map'):
            continue
        check = CheckLabels(key, min(counts), ignored)
        for index in _some(len(data)):
            info = data.get_data_info(index)
            if 'seg_map_path' in info:
                check(Compose([load])(info))
        others = [t for t in transforms if not isinstance(t, CheckLabels)]
        others.insert(others.index(load) + 1, check)
        data.pipeline.transforms = others


def _some(size: int) -> list[int]:
    """Indices of some samples, evenly spaced."""
    return np.linspace(0, size - 1, min(_MAPS, size)).round().astype(int).tolist()
