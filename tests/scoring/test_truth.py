"""What an evaluator had nothing to measure by is no score."""

import math
from importlib import import_module
from types import SimpleNamespace

import pytest
from mmcv.transforms import LoadAnnotations
from mmengine.evaluator import BaseMetric

from mmtransfer.compat.annotations import EmptyDataError
from mmtransfer.data.parts import Part
from mmtransfer.scoring.truth import check_annotated, has_annotations, has_objects, measured


class Own(BaseMetric):
    default_prefix = 'own'

    def process(self, data_batch, data_samples):
        pass

    def compute_metrics(self, results):
        return {}


class Records(list):
    get_data_info = list.__getitem__


def test_minus_one_of_a_toolbox_is_nan():
    coco = import_module('mmdet.evaluation').CocoMetric()
    found = measured([coco], {'coco/bbox_mAP': 0.25, 'coco/bbox_mAP_s': -1.0, 'note': 'x'})
    assert found['coco/bbox_mAP'] == 0.25 and math.isnan(found['coco/bbox_mAP_s'])
    assert found['note'] == 'x'


def test_pck_without_joints_is_nan():
    pck = import_module('mmpose.evaluation').PCKAccuracy()
    assert math.isnan(measured([pck], {'PCK': -100.0})['PCK'])


def test_of_other_metrics_nothing_is_known():
    coco = import_module('mmdet.evaluation').CocoMetric()
    found = measured([coco, Own()], {'own/loglikelihood': -3.5, 'coco/bbox_mAP': -1.0})
    assert found['own/loglikelihood'] == -3.5 and math.isnan(found['coco/bbox_mAP'])


def test_a_data_set_is_annotated_when_one_sample_is():
    records = [dict(instances=[]), dict(instances=[dict(ignore_flag=0)])]

    assert has_annotations(Records(records)) and not has_annotations(Records(records[:1]))
    assert has_annotations(Records([dict(gt_label=1)]))


def test_images_alone_may_be_learnt_from():
    """As a semi-supervised detector does; what is judged needs annotations."""
    loads = [LoadAnnotations()]

    class Data(Records):
        pipeline = SimpleNamespace(transforms=[])
        metainfo = dict(classes=('a',))

    class Loading(Data):
        pipeline = SimpleNamespace(transforms=loads)

    def part(kind, **settings):
        loader = SimpleNamespace(dataset=kind([dict(instances=[])]))
        return Part('train_dataloader.dataset', loader, **settings)

    check_annotated(part(Data))
    with pytest.raises(EmptyDataError, match='dataset .half. must hold annotations: 0 of 1 images'):
        check_annotated(part(Loading, share=' (half)'))
    with pytest.raises(EmptyDataError, match='must hold annotations'):
        check_annotated(part(Data, metrics=[Own()]))


@pytest.mark.parametrize(
    ('name', 'expected'),
    [('coco/bbox_mAP', True), ('coco/bbox_mAP_s', True), ('coco/segm_mAP_m', False)],
)
def test_objects_of_a_size(name, expected):
    annotations = [dict(area=100), dict(area=2000, iscrowd=1), dict(area=10_000)]
    coco = SimpleNamespace(_coco_api=SimpleNamespace(dataset=dict(annotations=annotations)))
    assert has_objects(name, [SimpleNamespace(), coco]) is expected
    assert has_objects(name, [SimpleNamespace(_coco_api=None)])
    del annotations[:]
    assert not has_objects(name, [coco])
