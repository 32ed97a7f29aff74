"""Model and data must know the same classes."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from mmengine.registry import DefaultScope
from torch import nn

from mmtransfer import compat
from mmtransfer.data.parts import Part as Data
from mmtransfer.hooks.checks.classes import (
    ClassesError,
    check_classes,
    check_labels,
    outputs_of,
)
from mmtransfer.hooks.checks.single import CheckClassesHook

AB, ABC = ('a', 'b'), ('a', 'b', 'c')


def test_equal_classes_pass():
    check_classes(2, {'training': AB, 'validation': AB})
    check_classes(7, {})


def test_differing_parts_are_named():
    with pytest.raises(
        ClassesError, match="classes of validation must be those of training.*missing: 'c'"
    ):
        check_classes(3, {'training': ABC, 'validation': AB})
    with pytest.raises(ClassesError, match="unknown: 'c'"):
        check_classes(2, {'training': AB, 'test': ABC})
    with pytest.raises(ClassesError, match='their order differs'):
        check_classes(2, {'training': AB, 'validation': ('b', 'a')})


def test_another_number_is_named():
    with pytest.raises(
        ClassesError, match=r'classes of training, 3: .*; received 1000. .*num_classes=3'
    ):
        check_classes(1000, {'training': ABC})


class Part(nn.Module):
    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


def test_heads_that_tell_classes_apart_and_no_others():
    """Two stages, a cascade, masks, a detector within a wrapper."""
    roi_head = Part(
        bbox_head=nn.ModuleList([Part(num_classes=3), Part(num_classes=5)]),
        mask_head=Part(num_classes=3, class_agnostic=False),
        semantic_head=Part(num_classes=54),
    )
    whole = Part(
        backbone=Part(num_classes=1000),
        rpn_head=Part(num_classes=1),
        roi_head=roi_head,
        mask_head=Part(num_classes=80, class_agnostic=True),
    )
    found = {
        'model.roi_head.bbox_head.0.num_classes': 3,
        'model.roi_head.bbox_head.1.num_classes': 5,
        'model.roi_head.mask_head.num_classes': 3,
    }
    assert outputs_of(whole, 'classes') == found and outputs_of(whole, 'joints') == {}
    wrapped = outputs_of(Part(student=whole), 'classes')
    assert 'model.detector.roi_head.mask_head.num_classes' in wrapped and len(wrapped) == 3
    with pytest.raises(ClassesError, match=r'model.roi_head.bbox_head.1.num_classes=3'):
        check_classes(found, {'train_dataloader.dataset': ABC})


def test_heads_of_poses_by_what_they_say():
    compat.apply()  # mmpose without torchvision
    mmpose = import_module('mmpose.models.heads')
    codec = dict(input_size=(64, 64), heatmap_size=(16, 16))
    combined = dict(
        decoder=dict(type='UDPHeatmap', heatmap_type='combined', **codec),
        loss=dict(type='CombinedTargetMSELoss', use_target_weight=True),
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        heads = [
            (mmpose.HeatmapHead(8, 16, deconv_out_channels=None), 'out_channels', 16),
            (mmpose.HeatmapHead(8, 48, deconv_out_channels=None, **combined), 'out_channels', 16),
            (mmpose.RegressionHead(8, 14), 'num_joints', 14),
        ]
    for head, name, count in heads:
        assert outputs_of(Part(head=head), 'joints') == {f'model.head.{name}': count}


def data(*classes, **attributes):
    return SimpleNamespace(metainfo=dict(classes=classes), **attributes)


def test_every_part_of_joined_data_is_compared():
    joined = SimpleNamespace(datasets=[data(*ABC), SimpleNamespace(dataset=data('a', 'c', 'b'))])
    part = Data('train_dataloader.dataset', SimpleNamespace(dataset=joined))
    with pytest.raises(ClassesError) as error:
        check_labels(nn.Module(), [part])
    text = str(error.value)
    assert 'train_dataloader.dataset.datasets.1.dataset must be those of' in text
    assert 'their order differs' in text


def test_the_hook_reads_the_loops_that_are_built():
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=data(*ABC)), evaluator=SimpleNamespace(metrics=[])
    )
    model = Part(num_classes=2)
    runner = SimpleNamespace(
        model=model, _train_loop=dict(type='x'), _val_loop=None, _test_loop=loop
    )
    with pytest.raises(ClassesError, match='test_dataloader.dataset, 3: .*; received 2'):
        CheckClassesHook().before_run(runner)
    model.num_classes = 3
    CheckClassesHook().before_run(runner)
