"""The one override for configs in tests: made data, small sizes, no weights, a few iterations."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from tests import shrink_classification, shrink_pose, shrink_segmentation

SIZE = 64  # height and width of the images in pixels
WIDTH = 32  # channels of neck and heads; FCOS normalises groups of 32

SUPERNET = dict(layers=(2, 2, 1, 1, 1, 1), kernels=(3, 5), expansions=(3,))
SEEDS = dict(
    mbv2='mobilenet_v2',
    efflite0='efficientnet_lite0',
    fbnetc='fbnet_c',
    proxyless='proxyless_mobile',
    r18='resnet18',
    r50='resnet50',
)


def seed_of(name: str) -> str:
    """The seed in the name of a config or of its work directory, ``retinanet_mbv2_search``."""
    (found,) = (seed for short, seed in SEEDS.items() if f'_{short}_' in name)
    return found


def shrink(cfg: Config, folder: Path, *, searched: Path | None = None) -> Config:
    """A copy of a config that runs in seconds on the CPU.

    A fine-tune has 2 iterations; a search 2 epochs of 2 weight steps, the second one with
    architecture steps too. Validation and test read 2 images.

    Args:
        cfg: Of any framework and stage.
        folder: Empty or not; made data and the work directory go there.
        searched: Work directory of a finished search, to adapt from. Without it an adapt config
            gets the seed's architecture and no remap.
    """
    cfg = cfg.copy()
    cfg.work_dir = str(folder / 'work')
    cfg.log_level = 'WARNING'
    cfg.visualizer.name = cfg.work_dir.replace('/', '_')  # unique in a process
    cfg.randomness = dict(seed=0)
    _shrink_backbone(cfg, searched)
    if cfg.default_scope == 'mmpose':
        shrink_pose.shrink_data(cfg, folder / 'data', SIZE, typed)
        shrink_pose.shrink_model(cfg)
    elif cfg.default_scope == 'mmseg':
        shrink_segmentation.shrink_data(cfg, folder / 'data', SIZE)
        shrink_segmentation.shrink_model(cfg, SIZE)
    elif cfg.model.type == 'mmtransfer.ImageClassifier':
        shrink_classification.shrink_data(cfg, folder / 'data', SIZE)
        shrink_classification.shrink_model(cfg)
    else:
        _shrink_data(cfg, folder / 'data')
        _shrink_model(cfg)
    _shrink_schedule(cfg, searched)
    return cfg


def make_data(folder: Path, classes: tuple[str, ...], number: int) -> Path:
    """Bright boxes on noise in COCO format; returns the annotation file."""
    import cv2

    rng = np.random.default_rng(0)
    images, boxes = [], []
    (folder / 'images').mkdir(parents=True, exist_ok=True)
    for i in range(number):
        pixels = rng.integers(0, 80, (SIZE, SIZE, 3), dtype=np.uint8)
        label, (w, h) = i % 3, rng.integers(16, 40, 2)
        x, y = rng.integers(0, SIZE - w), rng.integers(0, SIZE - h)
        pixels[y : y + h, x : x + w, label] = 255
        cv2.imwrite(str(folder / f'images/{i}.png'), pixels)
        images.append(dict(id=i, file_name=f'{i}.png', width=SIZE, height=SIZE))
        box = dict(id=i + 1, image_id=i, category_id=label + 1, area=int(w * h), iscrowd=0)
        outline = [int(v) for v in (x, y, x + w, y, x + w, y + h, x, y + h)]
        boxes.append({**box, 'bbox': [int(v) for v in (x, y, w, h)], 'segmentation': [outline]})
    names = [dict(id=i + 1, name=name) for i, name in enumerate(classes)]
    file = folder / f'{number}.json'
    file.write_text(json.dumps(dict(images=images, annotations=boxes, categories=names)))
    return file


def typed(value: Any, name: str) -> Iterator[dict]:
    """Every dict of this type inside a config value."""
    if isinstance(value, dict):
        if str(value.get('type', '')).rpartition('.')[2] == name:
            yield value
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from typed(item, name)


def _shrink_data(cfg: Config, folder: Path) -> None:
    from mmdet.datasets import CocoDataset

    search = 'searcher' in cfg.train_cfg
    for part, number in (('train', 8 if search else 4), ('val', 2), ('test', 2)):
        loader = cfg[f'{part}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for repeat in typed(loader, 'RepeatDataset'):
            repeat['times'] = 1
        (dataset,) = typed(loader, 'CocoDataset')
        classes = tuple(dataset.get('metainfo', CocoDataset.METAINFO)['classes'])
        file = make_data(folder, classes, number)
        dataset.update(data_root='', ann_file=str(file))
        dataset.data_prefix = dict(img=str(folder / 'images') + '/')
        for resize in typed(dataset.pipeline, 'Resize'):
            resize['scale'] = (SIZE, SIZE)
        for evaluator in typed(cfg.get(f'{part}_evaluator', {}), 'CocoMetric'):
            evaluator.update(ann_file=str(file), outfile_prefix=str(folder / part))


def _shrink_backbone(cfg: Config, searched: Path | None) -> None:
    backbone = cfg.model.backbone
    backbone.init_cfg = None
    if backbone.type == 'mmtransfer.FNASupernet':
        residual = backbone.seed.startswith('resnet')
        backbone.update(dict(ops=('k3g1', 'k5g2')) if residual else SUPERNET)
        if 'restrict' in backbone:
            backbone.update(expansions=(6,), restrict={'stage5.layer0': ['k3e6', 'k5e6']})
    elif backbone.get('blocks') or backbone.get('max_blocks'):
        backbone.max_blocks = [2] * len(backbone.get('blocks') or backbone.max_blocks)
        if 'blocks' in backbone:
            backbone.blocks = [min(n, 2) for n in backbone.blocks]
    elif searched is not None:
        backbone.architecture = str(searched / 'architecture.json')
    elif backbone.architecture.endswith('.json'):
        backbone.architecture = seed_of(backbone.architecture)


def _shrink_model(cfg: Config) -> None:
    model = cfg.model
    if model.neck.type == 'mmtransfer.SSDLiteNeck':
        _shrink_ssdlite(model)
        return
    model.neck.out_channels = WIDTH
    model.test_cfg.get('rcnn', model.test_cfg).update(score_thr=0.0, max_per_img=10)
    for name in ('bbox_head', 'rpn_head'):
        if name in model:
            model[name].update(in_channels=WIDTH, feat_channels=WIDTH)
            if 'stacked_convs' in model[name]:
                model[name].stacked_convs = 1
    if 'roi_head' in model:
        _shrink_roi_head(model)


def _shrink_roi_head(model: Any) -> None:
    head = model.roi_head
    for name in ('bbox', 'mask', 'grid'):
        if f'{name}_roi_extractor' in head:
            head[f'{name}_roi_extractor'].out_channels = WIDTH
        for part in _listed(head.get(f'{name}_head', [])):
            part.in_channels = WIDTH
            if 'fc_out_channels' in part:
                part.fc_out_channels = WIDTH
    for part in _listed(model.train_cfg.rcnn):
        part.sampler.num = 16
    for part in (model.train_cfg.rpn_proposal, model.test_cfg.rpn):
        part.update(nms_pre=50, max_per_img=20)


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def _shrink_ssdlite(model: Any) -> None:
    extra = [WIDTH] * len(model.neck.extra_channels)
    model.neck.update(last_channels=WIDTH, extra_channels=extra, init_cfg=None)
    model.bbox_head.in_channels = [model.neck.in_channels[0], WIDTH, *extra]
    model.test_cfg.update(score_thr=0.0, max_per_img=10)


def _shrink_schedule(cfg: Config, searched: Path | None) -> None:
    if 'max_iters' in cfg.train_cfg:
        cfg.train_cfg.update(max_iters=2, val_interval=2)
    else:
        cfg.train_cfg.max_epochs = 1
    if 'searcher' in cfg.train_cfg:
        cfg.train_cfg.update(max_epochs=2, val_interval=2, input_size=(SIZE, SIZE))
        cfg.train_cfg.searcher.pop('target', None)
        _shrink_searcher(cfg.train_cfg, cfg.model.backbone)
        for term in cfg.train_cfg.get('regularisers', []):
            term.pop('target', None)
        cfg.param_scheduler = {name: [] for name in cfg.param_scheduler}
    else:
        cfg.param_scheduler = []
    hooks = cfg.default_hooks
    if 'reestimate_bn' in hooks:
        hooks.reestimate_bn.iterations = 2
    if 'remap' in hooks:
        if searched is None:
            del hooks.remap
        else:
            hooks.remap.checkpoint = str(searched)


def _shrink_searcher(train_cfg: Any, backbone: Any) -> None:
    """Architecture steps in the second epoch; or four candidates; or the chain's first step."""
    searcher = train_cfg.searcher
    if searcher.type == 'mmtransfer.GreedyBlockSearcher':
        searcher.blocks = len(backbone.max_blocks) + 1
        train_cfg.split.arch = 0.5
        train_cfg.evaluation.bn_iterations = 1
        return
    if train_cfg.arch_begin is not None:
        train_cfg.arch_begin = 1
        return
    sizes = dict(candidates=4, population=2, generations=2, parents=2)
    searcher.update({key: value for key, value in sizes.items() if key in searcher})
    train_cfg.evaluation.bn_iterations = 1
