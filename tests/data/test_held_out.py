"""A metric on the held-out part: its annotations are cut to the images that are predicted."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.data.held_out import EvaluationError, as_validated, restrict_evaluator
from mmtransfer.scoring.held_out import Evaluation, HeldOut
from tests.shrink import shrink

CONFIG = Path(__file__).parents[2] / 'configs/fna/retinanet_efflite0_search-random_toy.py'


@pytest.fixture
def loop(tmp_path):
    compat.apply()
    cfg = shrink(Config.fromfile(CONFIG), tmp_path)
    yield Runner.from_cfg(cfg).build_train_loop(cfg.train_cfg)
    DefaultScope._instance_dict.clear()


def test_coco_counts_the_held_out_images_and_no_others(loop):
    """Perfect predictions score 1: with the whole file half of the objects would be missed."""
    held_out = HeldOut(loop.scoring_inputs(), Evaluation(metric='coco/bbox_mAP'))
    scorer = held_out.scorer
    file = json.loads((Path(loop.runner.work_dir) / 'held_out.json').read_text())
    whole = json.loads(Path(loop.runner.cfg.train_dataloader.dataset.ann_file).read_text())
    assert len(whole['images']) == 8 and len(file['images']) == scorer.size == 4
    assert file['categories'] == whole['categories']
    by_image = {a['image_id']: a for a in whole['annotations']}

    def perfect(batch):
        for sample in batch['data_samples']:
            truth = by_image[sample.img_id]
            x, y, w, h = truth['bbox']
            import torch

            sample.pred_instances = type(sample.gt_instances)(
                bboxes=torch.tensor([[x, y, x + w, y + h]]).float(),
                scores=torch.tensor([0.9]),
                labels=torch.tensor([truth['category_id'] - 1]),
            )
        return [s.to_dict() for s in batch['data_samples']]

    loop.model.val_step = perfect
    scorer.check()
    ((score, metrics),) = scorer.score()
    assert score == metrics['coco/bbox_mAP'] == pytest.approx(1.0)


def test_a_metric_the_evaluator_lacks(loop):
    held_out = HeldOut(loop.scoring_inputs(), Evaluation(metric='coco/segm_mAP'))
    (evaluator,) = held_out.scorer.evaluators
    evaluator.evaluate = lambda size: {'coco/bbox_mAP': 0.1, 'coco/bbox_mAP_50': 0}
    with pytest.raises(EvaluationError, match=r'coco/bbox_mAP, coco/bbox_mAP_50; received'):
        held_out.scorer.check()


def test_an_untrained_detector_does_not_hide_a_wrong_name(loop):
    """Its scores are below the threshold of its config; without any the evaluator is mute."""
    settings = loop.model.bbox_head.test_cfg
    settings.score_thr = 0.9
    with pytest.raises(EvaluationError, match=r'coco/bbox_mAP, .*; received .coco/AP'):
        HeldOut(loop.scoring_inputs(), Evaluation(metric='coco/AP')).scorer.check()
    assert settings.score_thr == 0.9


@pytest.mark.parametrize('metric', ['coco/bbox_mAP', 'coco/bbox_mAP_l'])
def test_nothing_to_measure_is_no_score(loop, metric):
    """The made boxes are small and medium; without annotations COCO's metrics would be -1."""
    if metric == 'coco/bbox_mAP':
        file = Path(loop.runner.cfg.train_dataloader.dataset.ann_file)
        file.write_text(json.dumps({**json.loads(file.read_text()), 'annotations': []}))
    message = f'metric {metric!r} needs objects to measure by, and the 4 held-out samples have none'
    with pytest.raises(EvaluationError, match=message):
        HeldOut(loop.scoring_inputs(), Evaluation(metric=metric))


def test_without_a_coco_file_it_says_what_to_do(tmp_path):
    dataset = SimpleNamespace(ann_file=str(tmp_path / 'none.txt'))
    with pytest.raises(EvaluationError, match="evaluation.evaluator.*metric='loss'"):
        restrict_evaluator(dict(type='A', ann_file='b.json'), dataset, tmp_path / 'c.json')
    unchanged = restrict_evaluator(dict(type='IoUMetric'), dataset, tmp_path / 'c.json')
    assert unchanged == [dict(type='IoUMetric')] and not (tmp_path / 'c.json').exists()


def test_joined_datasets_have_no_metric():
    joined = SimpleNamespace(datasets=[SimpleNamespace(), SimpleNamespace()])
    with pytest.raises(EvaluationError, match='2 joined'):
        as_validated(joined, dict(dataset=dict()), None, 0)
