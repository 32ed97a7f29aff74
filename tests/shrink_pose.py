"""What tests/shrink.py does to a config of mmpose: made people, small sizes."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from mmengine.config import Config

from mmtransfer.toy.pose import joints_of, write_mpii
from mmtransfer.toy.scenes import Shape, draw_scene

HEATMAP = 4  # pixels of the image per pixel of the heatmap
WIDTH = 16  # channels of the deconvolutions


def shrink_data(cfg: Config, folder: Path, size: int, typed: Any) -> None:
    """Made people in place of the config's: 4 to train on, 5 to search, 2 to evaluate."""
    search = 'searcher' in cfg.train_cfg
    for part, number in (('train', 5 if search else 4), ('val', 2), ('test', 2)):
        loader = cfg[f'{part}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for dataset in typed(loader, 'MpiiDataset'):
            write_mpii(folder, part, list(_scenes(part, number, size)))
            dataset.update(data_root='', ann_file=str(folder / f'annotations/mpii_{part}.json'))
            if 'headbox_file' in dataset:
                dataset.headbox_file = str(folder / f'annotations/mpii_gt_{part}.mat')
            dataset.data_prefix = dict(img=str(folder / 'images') + '/')
        for dataset in typed(loader, 'CrowdPoseDataset'):
            dataset.update(data_root='', ann_file=str(make_people(folder, part, number, size)))
            dataset.data_prefix = dict(img=str(folder / 'images') + '/')
        for transform in typed(loader, 'TopdownAffine'):
            transform['input_size'] = (size, size)
    codecs = (*typed(cfg.model, 'MSRAHeatmap'), *typed(cfg.train_dataloader, 'MSRAHeatmap'))
    for codec in codecs:
        codec.update(input_size=(size, size), heatmap_size=(size // HEATMAP, size // HEATMAP))


def shrink_model(cfg: Config) -> None:
    """A narrow head."""
    cfg.model.head.deconv_out_channels = (WIDTH,) * 3


def make_people(folder: Path, split: str, number: int, size: int) -> Path:
    """One shape per image with 14 joints, as COCO has keypoints; returns the annotation file."""
    (folder / 'images').mkdir(parents=True, exist_ok=True)
    images, people = [], []
    for i, scene in enumerate(_scenes(split, number, size)):
        name = f'{split}_{i}.png'
        cv2.imwrite(str(folder / 'images' / name), scene.image)
        images.append(dict(id=i, file_name=name, width=size, height=size))
        (shape,) = scene.shapes
        person = dict(id=i + 1, image_id=i, category_id=1, iscrowd=0, area=shape.area)
        people.append({**person, 'bbox': list(shape.box), **_keypoints(shape)})
    categories = [dict(id=1, name='person')]
    path = folder / f'{split}.json'
    path.write_text(json.dumps(dict(images=images, annotations=people, categories=categories)))
    return path


def _keypoints(shape: Shape) -> dict:
    points, labelled = (a[:14] for a in joints_of(shape))
    rows = [[*map(float, p), 2 * int(v)] for p, v in zip(points, labelled, strict=True)]
    return dict(keypoints=sum(rows, []), num_keypoints=int(labelled.sum()))


def _scenes(split: str, number: int, size: int) -> Iterator[Any]:
    for i in range(number):
        scene = draw_scene(0, split, i, (size, size))
        yield dataclasses.replace(scene, shapes=scene.shapes[:1])
