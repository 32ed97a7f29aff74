"""The made scenes as a segmentation data set in the layout of Cityscapes."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmtransfer.toy.scenes import CLASSES, Scene

SEGMENTATION_CLASSES = ('background', *CLASSES)
_CITY = 'toy'


def label_map(scene: Scene) -> np.ndarray:
    """The class of every pixel, an index into ``SEGMENTATION_CLASSES``.

    Returns:
        (H, W), 8 bit: 0 for the background and what belongs to no shape.
    """
    labels = np.zeros(scene.image.shape[:2], np.uint8)
    for shape in scene.shapes:
        points = np.round(shape.outline * 8).astype(np.int32)
        cv2.fillPoly(labels, [points], (shape.label + 1,), cv2.LINE_8, shift=3)
    return labels


def write_cityscapes(root: Path, split: str, scenes: Sequence[Scene]) -> None:
    """Write images below ``leftImg8bit/<split>`` and label maps below ``gtFine/<split>``.

    Label maps are PNG files of one channel with the values of ``label_map``.

    Args:
        root: Folder of the data set.
        split: Name of the split.
        scenes: What to write.
    """
    images, truth = (root / kind / split / _CITY for kind in ('leftImg8bit', 'gtFine'))
    images.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(scenes):
        name = f'{split}_{number:05d}'
        cv2.imwrite(str(images / f'{name}_leftImg8bit.png'), scene.image[:, :, ::-1])
        cv2.imwrite(str(truth / f'{name}_gtFine_labelTrainIds.png'), label_map(scene))
