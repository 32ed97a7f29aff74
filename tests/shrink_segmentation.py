"""What tests/shrink.py does to a config of mmseg: made stripes, small sizes."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config

WIDTH = 32  # channels of the head


def shrink_data(cfg: Config, folder: Path, size: int) -> None:
    """Made stripes in place of the config's data: 4 to train on, 8 to search, 2 to evaluate."""
    search = 'searcher' in cfg.train_cfg
    if search:
        cfg.train_cfg.split.arch = 0.5
    for part, number in (('train', 8 if search else 4), ('val', 2), ('test', 2)):
        loader = cfg[f'{part}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        dataset = loader.dataset
        image = dataset.get('img_suffix', '_leftImg8bit.png')
        truth = dataset.get('seg_map_suffix', '_gtFine_labelTrainIds.png')
        folders = dict(img_path=folder / part / 'images', seg_map_path=folder / part / 'labels')
        dataset.update(data_root='', data_prefix={k: str(v) for k, v in folders.items()})
        for path in folders.values():
            path.mkdir(parents=True, exist_ok=True)
        for i in range(number):
            pixels, labels = stripes(cfg.model.decode_head.num_classes, size, i)
            cv2.imwrite(str(folders['img_path'] / f'{i}{image}'), pixels)
            cv2.imwrite(str(folders['seg_map_path'] / f'{i}{truth}'), labels)
        _shrink_pipeline(dataset.pipeline, size)


def _shrink_pipeline(pipeline: list[dict[str, Any]], size: int) -> None:
    for transform in pipeline:
        if transform['type'] in ('Resize', 'RandomResize'):
            transform['scale'] = (size, size)
        elif transform['type'] == 'RandomChoiceResize':
            transform['scales'] = [(size * 3 // 4, size), (2 * size, size)]
        elif transform['type'] == 'RandomCrop':
            transform['crop_size'] = (size, size)


def shrink_model(cfg: Config, size: int) -> None:
    """A narrow head; the images of a batch have the size of a crop."""
    cfg.model.data_preprocessor.size = (size, size)
    cfg.model.decode_head.channels = WIDTH


def stripes(classes: int, size: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """An image (size, size, 3) with a stripe for every class, brighter each, and its labels."""
    rng = np.random.default_rng(number)
    labels = (np.arange(size) * classes // size).astype(np.uint8)[:, None].repeat(size, 1)
    labels = np.roll(labels, 7 * number, 0)
    pixels = labels[..., None] * (230 // classes) + rng.integers(0, 20, (size, size, 3))
    return pixels.astype(np.uint8), labels
