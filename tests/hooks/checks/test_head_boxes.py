from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.data.held_out import EvaluationError
from mmtransfer.hooks.checks.head_boxes import HeadBoxesError, check_head_boxes
from mmtransfer.hooks.checks.single import CheckHeadBoxesHook
from mmtransfer.scoring.held_out import HeldOut
from tests.shrink import shrink

CONFIGS = Path(__file__).parents[3] / 'configs/block_allocation'


class People:
    """A dataset of one person."""

    ann_file = 'people.json'
    headbox_file = None

    def __init__(self, **info):
        self.info = info

    def __len__(self):
        return 1

    def get_data_info(self, index):
        return self.info


class MpiiPCKAccuracy:
    def __init__(self, norm_item):
        self.norm_item = norm_item


def evaluator(*norm_items):
    return SimpleNamespace(metrics=[SimpleNamespace(), *map(MpiiPCKAccuracy, norm_items)])


@pytest.mark.parametrize('norm_items', [(['head'],), (['bbox'], ['bbox', 'head'])])
def test_pckh_without_head_boxes_is_refused(norm_items):
    wrapped = SimpleNamespace(dataset=People(bbox=[0, 0, 1, 1]))
    with pytest.raises(HeadBoxesError) as error:
        check_head_boxes(wrapped, evaluator(*norm_items), 'val')
    text = str(error.value)
    for part in (
        'MpiiPCKAccuracy',
        "People read none from 'people.json' (headbox_file=None)",
        'val_dataloader.dataset.headbox_file',
        "val_evaluator=dict(type='PCKAccuracy', norm_item='bbox')",
    ):
        assert part in text


def test_what_has_or_needs_no_head_boxes_passes():
    check_head_boxes(People(head_size=3.0), evaluator(['head']), 'val')
    check_head_boxes(People(), evaluator(['bbox'], None), 'val')
    check_head_boxes(People(), evaluator(), 'val')


def test_the_hook_looks_at_the_loops_that_are_built():
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=People()), evaluator=evaluator(['head'])
    )
    CheckHeadBoxesHook().before_run(SimpleNamespace(_val_loop=None, _test_loop=dict(type='x')))
    for val, test in ((loop, None), (None, loop)):
        with pytest.raises(HeadBoxesError):
            CheckHeadBoxesHook().before_run(SimpleNamespace(_val_loop=val, _test_loop=test))


def test_a_search_scores_its_training_set_which_may_have_no_head_boxes(tmp_path):
    """mmpose reads head boxes of MPII's val set only, so the advice is another one."""
    compat.apply()
    cfg = shrink(Config.fromfile(CONFIGS / 'simplebaseline_efflite0_greedy_toy.py'), tmp_path)
    cfg.train_cfg.evaluation = dict(metric='PCK', bn_iterations=1)
    loop = Runner.from_cfg(cfg).build_train_loop(cfg.train_cfg)
    with pytest.raises(EvaluationError, match='MpiiPCKAccuracy .*MpiiDataset, has no head boxes'):
        HeldOut(loop.scoring_inputs(), loop.evaluation)
    DefaultScope._instance_dict.clear()
