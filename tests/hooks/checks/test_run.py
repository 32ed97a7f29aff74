"""What is compared before the first step, met through MMEngine's runner and the configs."""

import copy
import json
import shutil
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.compat.annotations import DataError, EmptyDataError, SampleError
from mmtransfer.hooks.checks.classes import ClassesError
from tests.shrink import SIZE, shrink

CONFIGS = Path(__file__).parents[3] / 'configs'


@pytest.fixture(autouse=True)
def _clean():
    compat.apply()
    yield
    DefaultScope._instance_dict.clear()


@cache
def read(name: str) -> Config:
    return Config.fromfile(str(CONFIGS / f'{name}.py'))


def config(name: str, folder: Path) -> Config:
    return shrink(copy.deepcopy(read(name)), folder)


@pytest.fixture(params=['fna/retinanet_efflite0_seed_toy', 'fna/retinanet_efflite0_search_toy'])
def detector(request, tmp_path):
    """MMEngine's loop with the hook of our base, and our loop without any hook."""
    cfg = config(request.param, tmp_path)
    if 'search' in request.param:
        cfg.custom_hooks = []
    return cfg


@pytest.fixture
def fine_tune(tmp_path):
    return config('fna/retinanet_efflite0_seed_toy', tmp_path)


def refused(cfg: Config, kind: type[Exception], *texts: str, test: bool = False) -> None:
    """The run ends before its first step, with a message that has these texts."""
    runner = Runner.from_cfg(cfg)
    with pytest.raises(kind) as error:
        runner.test() if test else runner.train()
    assert getattr(runner._train_loop, 'iter', 0) == 0
    missing = [text for text in texts if text not in str(error.value)]
    assert not missing, f'{missing} not in: {error.value}'


def edit(file: str, change) -> str:
    """Change the content of an annotation file in place."""
    content = json.loads(Path(file).read_text())
    change(content)
    Path(file).write_text(json.dumps(content))
    return file


def test_a_number_of_outputs_that_is_not_that_of_the_classes(detector):
    detector.model.bbox_head.num_classes = 80
    refused(
        detector,
        ClassesError,
        'model.bbox_head.num_classes must be the number of classes of train_dataloader.dataset, 3',
        "('disc', 'square', 'triangle'); received 80. Set model.bbox_head.num_classes=3",
    )


@pytest.mark.parametrize(
    ('name', 'key'),
    [
        ('faster-rcnn_efflite0_default_toy', 'model.roi_head.bbox_head.num_classes'),
        ('classifier_efflite0_supernet_cifar', 'model.num_classes'),
    ],
)
def test_two_stages_and_classifiers(name, key, tmp_path):
    """Of two stages the first, the RPN, tells no classes apart."""
    cfg = config(f'block_allocation/{name}', tmp_path)
    *path, last = key.split('.')[1:]
    head = cfg.model
    for part in path:
        head = head[part]
    head[last] += 1
    refused(cfg, ClassesError, f'{key} must be the number of classes of train_dataloader.dataset')


@pytest.mark.parametrize('wrong', ['data', 'metric'])
def test_categories_listed_in_another_order(detector, wrong, tmp_path):
    """mmdet numbers labels in the order of the file: a perfect detector would score 1/3."""
    file = detector.val_dataloader.dataset.ann_file
    reversed_file = tmp_path / 'reversed.json'
    reversed_file.write_text(Path(file).read_text())
    edit(str(reversed_file), lambda content: content['categories'].reverse())
    if wrong == 'data':
        detector.val_dataloader.dataset.ann_file = str(reversed_file)
    detector.val_evaluator.ann_file = str(reversed_file)
    refused(
        detector,
        ClassesError,
        "val_dataloader.dataset.metainfo.classes must be in the order of the file's categories",
        str(reversed_file) if wrong == 'data' else 'the ann_file of CocoMetric',
        "lists ('triangle', 'square', 'disc')",
    )


def test_a_category_that_a_file_does_not_list_moves_the_others(fine_tune):
    file = fine_tune.val_dataloader.dataset.ann_file
    edit(file, lambda content: content['categories'].pop(0))
    edit(file, lambda content: content['annotations'].pop(0))
    refused(fine_tune, ClassesError, file, "missing: 'disc'", 'val_dataloader.dataset')


def test_classes_as_text(fine_tune):
    fine_tune.train_dataloader.dataset.metainfo.classes = 'disc'
    refused(
        fine_tune,
        ClassesError,
        "train_dataloader.dataset.metainfo.classes must be a tuple of names; received the text "
        "'disc'. Write classes=('disc',), with a comma.",
    )  # fmt: skip


def test_other_classes_in_a_part_of_the_data(fine_tune):
    fine_tune.val_dataloader.dataset.metainfo.classes = ('disc', 'square')
    refused(
        fine_tune,
        ClassesError,
        'classes of val_dataloader.dataset must be those of train_dataloader.dataset',
        "missing: 'triangle'",
    )


def test_nothing_to_measure_in_the_validation_data(detector):
    edit(detector.val_dataloader.dataset.ann_file, lambda content: content['annotations'].clear())
    refused(
        detector,
        EmptyDataError,
        'val_dataloader.dataset must hold annotations: 0 of 2 images have annotations of the '
        "classes ('disc', 'square', 'triangle')",
        "has 2 images, 0 annotations and the classes ('disc', 'square', 'triangle')",
    )


@pytest.mark.parametrize('part', ['train', 'val'])
def test_classes_that_no_annotation_has(fine_tune, part):
    names = ('kind1', 'kind2', 'kind3')
    fine_tune[f'{part}_dataloader'].dataset.metainfo.classes = names
    count = 2 if part == 'val' else 4
    refused(
        fine_tune,
        EmptyDataError,
        f"0 of {count} images have annotations of the classes ('kind1', 'kind2', 'kind3'); ",
        f"has {count} images, {count} annotations and the classes ('disc', 'square', 'triangle')",
    )


def test_an_annotation_that_lacks_what_is_read(fine_tune):
    file = fine_tune.val_dataloader.dataset.ann_file
    edit(file, lambda content: content['annotations'][1].pop('area'))
    refused(fine_tune, DataError, file, "annotations[1] (id 2) has no 'area'")


def test_a_sample_that_cannot_be_read(detector):
    """Its index and its path, in any loop; MMEngine's own error has neither."""
    folder = Path(detector.train_dataloader.dataset.data_prefix.img)
    for file in folder.glob('*.png'):
        file.write_bytes(b'')
    with pytest.raises(SampleError, match=r"sample \d of a data set .*images/\d.png' \(0 bytes\)"):
        Runner.from_cfg(detector).train()


def test_test_data_of_other_classes_than_the_checkpoint(tmp_path):
    cfg = config('fna/retinanet_efflite0_seed_toy', tmp_path)
    Runner.from_cfg(cfg).train()
    names = ('square', 'disc', 'triangle')
    file = cfg.test_dataloader.dataset.ann_file
    edit(file, lambda content: content['categories'].sort(key=lambda c: names.index(c['name'])))
    cfg.test_dataloader.dataset.metainfo.classes = names
    cfg.load_from = str(Path(cfg.work_dir) / 'epoch_1.pth')
    cfg.visualizer.name = 'tested'
    refused(
        cfg,
        ClassesError,
        'the classes of test_dataloader.dataset must be those of the checkpoint',
        'their order differs',
        test=True,
    )


def test_test_data_without_annotations_is_fine_where_nothing_is_measured(tmp_path):
    cfg = config('fna/retinanet_efflite0_seed_toy', tmp_path)
    edit(cfg.test_dataloader.dataset.ann_file, lambda content: content['annotations'].clear())
    cfg.load_from = None
    refused(cfg, EmptyDataError, 'test_dataloader.dataset must hold annotations', test=True)
    cfg.test_evaluator.format_only = True
    cfg.visualizer.name = 'written'
    Runner.from_cfg(cfg).test()


def test_joints(tmp_path):
    cfg = config('fna/simplebaseline_efflite0_seed_toy', tmp_path)
    cfg.model.head.out_channels = 17
    refused(
        cfg,
        ClassesError,
        'model.head.out_channels must be the number of joints of train_dataloader.dataset, 16',
        'received 17. Set model.head.out_channels=16',
    )


def label_maps(cfg: Config, part: str) -> list[Path]:
    return sorted(Path(cfg[f'{part}_dataloader'].dataset.data_prefix.seg_map_path).iterdir())


@pytest.mark.parametrize(('part', 'label'), [('train', 4), ('val', 254)])
def test_labels_that_no_output_stands_for(part, label, tmp_path):
    cfg = config('fna/deeplabv3_efflite0_seed_toy', tmp_path)
    file = label_maps(cfg, part)[-1]
    cv2.imwrite(str(file), np.full((SIZE, SIZE), label, np.uint8))
    refused(
        cfg,
        DataError,
        f'label maps of {part}_dataloader.dataset must hold labels from 0 to 3, as '
        'model.decode_head.num_classes=4, or those ignored, [255]',
        f'{str(file)!r} holds ({label},)',
    )


@pytest.mark.parametrize(('label', 'workers'), [(4, 0), (200, 1)])
def test_labels_of_a_map_that_is_not_looked_at_before(label, workers, tmp_path):
    """It is refused when it is read; torch would end with an IndexError."""
    cfg = config('fna/deeplabv3_efflite0_seed_toy', tmp_path)
    cfg.train_dataloader.num_workers = workers
    folders = cfg.train_dataloader.dataset.data_prefix
    for number in range(4, 16):
        for folder in (folders.img_path, folders.seg_map_path):
            first = next(f for f in Path(folder).iterdir() if f.name.startswith('0'))
            shutil.copy(first, first.with_name(f'{number}{first.name[1:]}'))
    file = label_maps(cfg, 'train')[1]
    labels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    labels[labels == 3] = label
    cv2.imwrite(str(file), labels)
    runner = Runner.from_cfg(cfg)
    with pytest.raises(SampleError) as error:
        runner.train()
    assert (
        'label maps of train_dataloader.dataset must hold labels from 0 to 3, as '
        'model.decode_head.num_classes=4, or those ignored, [255]; sample 1, '
        f'{str(file)!r} holds ({label},). Set num_classes'
    ) in str(error.value)


def test_a_decode_head_of_other_classes(tmp_path):
    cfg = config('fna/deeplabv3_efflite0_seed_toy', tmp_path)
    cfg.model.decode_head.num_classes = 19
    refused(cfg, ClassesError, 'model.decode_head.num_classes', 'train_dataloader.dataset, 4')


@pytest.mark.parametrize('stage', ['seed', 'search'])
def test_a_last_batch_of_one_image_where_a_head_pools(stage, tmp_path):
    cfg = config(f'fna/deeplabv3_efflite0_{stage}_toy', tmp_path)
    cfg.train_dataloader.update(batch_size=3, drop_last=False)
    refused(
        cfg,
        DataError,
        'model.decode_head.pyramid.pool pools each to one value per channel',
        '4 samples of train_dataloader.dataset in batches of 3 leave one for the last',
        'Set train_dataloader.drop_last=True',
    )


def test_no_workers(tmp_path):
    """All of our data configs, and the toolboxes', have persistent workers."""
    cfg = config('fna/retinanet_efflite0_seed_toy', tmp_path)
    for part in ('train', 'val'):
        cfg[f'{part}_dataloader'].update(num_workers=0, persistent_workers=True)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
