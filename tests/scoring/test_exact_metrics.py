"""Metrics of the toolboxes to their last digit, and detectors without a threshold."""

import builtins
import json

import numpy as np
import pytest
import torch
from mmengine.model import BaseModule

from mmtransfer import compat
from mmtransfer.scoring.exact_metrics import every_prediction, unrounded

BOX = [10.0, 10.0, 40.0, 40.0]


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def coco(tmp_path):
    """Seven images of one object each; the predictions of ``found`` of them are right."""
    from mmdet.evaluation import CocoMetric

    box = dict(area=900.0, bbox=[10, 10, 30, 30], iscrowd=0, category_id=1)
    data = dict(
        images=[dict(id=i, width=64, height=64) for i in range(7)],
        annotations=[dict(box, id=i + 1, image_id=i) for i in range(7)],
        categories=[dict(id=1, name='cell')],
    )
    (tmp_path / 'a.json').write_text(json.dumps(data))
    metric = CocoMetric(ann_file=str(tmp_path / 'a.json'))
    metric.dataset_meta = dict(classes=('cell',))
    for i in range(7):
        boxes = torch.tensor([BOX if i < 3 else [0.0, 0, 5, 5]])
        found = dict(bboxes=boxes, scores=torch.tensor([0.9 - i / 10]), labels=torch.tensor([0]))
        metric.process({}, [dict(img_id=i, ori_shape=(64, 64), pred_instances=found)])
    return metric


def test_average_precision(tmp_path):
    """3 of 7 objects, all right: precision 1 at the recalls 0, 0.01 ... 0.42 of the 101."""
    metric = coco(tmp_path)
    with unrounded([metric]):
        exact = metric.evaluate(7)['coco/bbox_mAP']
    assert exact == pytest.approx(43 / 101, abs=1e-12)
    assert coco(tmp_path).evaluate(7)['coco/bbox_mAP'] == 0.426


def test_intersection_over_union():
    """1 of 3 pixels, and 0 of 2: 100 / 6 percent."""
    from mmseg.evaluation import IoUMetric

    def metric():
        found = IoUMetric()
        found.dataset_meta = dict(classes=('a', 'b'))
        truth, guess = torch.tensor([[0, 0, 0]]), torch.tensor([[0, 1, 1]])
        found.results = [found.intersect_and_union(guess, truth, num_classes=2, ignore_index=255)]
        return found

    exact = metric()
    with unrounded([exact]):
        assert exact.evaluate(1)['mIoU'] == pytest.approx(100 / 6, abs=1e-5)
    assert metric().evaluate(1)['mIoU'] == 16.67


def test_afterwards_everything_rounds_as_before(tmp_path):
    from mmdet.evaluation.metrics import coco_metric

    metric = coco(tmp_path)
    with pytest.raises(RuntimeError), unrounded([metric, metric]):
        assert coco_metric.round(0.123456, 3) == coco_metric.np.round(0.123456, 3) == 0.123456
        assert coco_metric.np.mean is np.mean
        assert round is builtins.round and np.round(0.126, 2) == 0.13
        raise RuntimeError
    assert coco_metric.np is np and 'round' not in vars(coco_metric)


def test_thresholds_at_any_depth_come_back():
    shared = dict(score_thr=0.05)
    model = BaseModule()
    model.test_cfg = dict(rpn=dict(nms_pre=10), rcnn=shared)
    model.head = BaseModule()
    model.head.test_cfg = shared
    model.other = BaseModule()
    with every_prediction(model):
        assert shared == dict(score_thr=0.0) and model.test_cfg['rpn'] == dict(nms_pre=10)
    assert shared == dict(score_thr=0.05)
