"""What tests/shrink.py does to a config of a classifier: a few coloured images in folders."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config

from mmtransfer.seeds import find_seed
from mmtransfer.spaces import read_architecture

CLASSES = 6  # the least of which there is a top-5 accuracy worth its name
WIDTH = 32  # channels of the 1x1 convolution, where there is one


def shrink_data(cfg: Config, folder: Path, size: int) -> None:
    """6 images to train on, 12 to search, 6 to evaluate; one colour per class."""
    search = 'searcher' in cfg.train_cfg
    for part, number in (('train', 2 if search else 1), ('val', 1), ('test', 1)):
        loader = cfg[f'{part}_dataloader']
        loader.update(batch_size=3, num_workers=0, persistent_workers=False)
        dataset = loader.dataset
        dataset.data_root = str(folder / part)
        names = []
        for label in range(CLASSES):
            path = folder / part / dataset.split / f'class {label}'
            path.mkdir(parents=True, exist_ok=True)
            for i in range(number):
                pixels = np.random.default_rng(i).integers(0, 60, (size, size + 9, 3))
                pixels[..., label % 3] += 60 * (1 + label // 3)
                cv2.imwrite(str(path / f'{i}.png'), pixels.astype(np.uint8))
                names.append(f'class {label}/{i}.png')
        if dataset.get('ann_file'):
            (folder / part / 'list.txt').write_text('\n'.join(names))
            dataset.ann_file = 'list.txt'
        _shrink_pipeline(dataset.pipeline, size)


def _shrink_pipeline(pipeline: list[dict[str, Any]], size: int) -> None:
    for transform in pipeline:
        for key in ('size', 'length', 'crop_size'):
            if key in transform:
                transform[key] = size
        if 'scale' in transform:
            transform['scale'] = (size, size)


def shrink_model(cfg: Config) -> None:
    """Few classes, a narrow convolution where the seed has one, no weights."""
    cfg.model.num_classes = CLASSES
    cfg.model.init_cfg = None
    backbone = cfg.model.backbone
    name = backbone.get('seed') or read_architecture(backbone.architecture).seed
    if find_seed(name).head_channels:
        cfg.model.head_channels = WIDTH
