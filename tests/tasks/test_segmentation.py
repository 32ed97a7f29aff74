import pytest
import torch
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from torch import nn

from mmtransfer import compat

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)


@pytest.fixture(autouse=True)
def _scope():
    compat.apply()
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def head(name, **arguments):
    shared = dict(channels=256, num_classes=19, norm_cfg=dict(type='BN'), loss_decode=LOSS)
    if name == 'DeepLabV3Head':
        shared['in_channels'] = 320
    else:
        shared['in_channels'] = [24, 320]
    return MODELS.build(dict(shared, type=f'mmtransfer.{name}', **arguments))


def params(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_deeplabv3():
    separable = 320 * 9 + 2 * 320 + 320 * 256 + 512
    one, fuse, classes = 320 * 256 + 512, 5 * 256 * 256 + 512, 19 * 257
    assert params(head('DeepLabV3Head')) == 3 * separable + 2 * one + fuse + classes == 755_795


def test_parameters_of_deeplabv3plus():
    dense, one = 320 * 256 * 9 + 512, 320 * 256 + 512
    fuse, reduce, classes = 5 * 256 * 256 + 512, 24 * 48 + 96, 19 * 257
    refine = (304 + 256) * 256 * 9 + 2 * 512 + 256
    total = 3 * dense + 2 * one + fuse + reduce + refine + classes
    assert params(head('DeepLabV3PlusHead')) == total == 4_004_083


@pytest.mark.parametrize('name', ['DeepLabV3Head', 'DeepLabV3PlusHead'])
def test_the_rates_are_the_dilations_of_the_3x3_branches(name):
    built = head(name, dilations=(12, 24, 36), channels=16)
    found = [
        m.dilation for m in built.modules() if isinstance(m, nn.Conv2d) and max(m.dilation) > 1
    ]
    assert found == [(12, 12), (24, 24), (36, 36)]


@torch.no_grad()
def test_scores_have_the_size_of_the_features():
    low, high = torch.rand(2, 24, 17, 21), torch.rand(2, 320, 5, 6)
    assert head('DeepLabV3Head', channels=16)([low, high]).shape == (2, 19, 5, 6)
    assert head('DeepLabV3PlusHead', channels=16)([low, high]).shape == (2, 19, 17, 21)


@torch.no_grad()
def test_every_branch_reaches_the_scores():
    """With a branch's norm off (scale and shift 0) the scores differ."""
    built = head('DeepLabV3PlusHead', channels=16).eval()
    built.init_weights()
    inputs = [torch.rand(1, 24, 24, 24), torch.rand(1, 320, 24, 24)]
    before = built(inputs)
    for branch in (built.pyramid.pool[1], *built.pyramid.branches, built.reduce):
        kept = branch.norm.weight.clone()
        branch.norm.weight.zero_()
        assert not torch.allclose(built(inputs), before)
        branch.norm.weight.copy_(kept)
    assert torch.equal(built(inputs), before)


@pytest.mark.parametrize('name', ['DeepLabV3Head', 'DeepLabV3PlusHead'])
def test_a_rate_of_one_is_refused(name):
    with pytest.raises(ValueError, match=r'at least 2.*received \(1, 6\)'):
        head(name, dilations=(1, 6))


@pytest.mark.parametrize(
    'wrong', [dict(in_channels=320), dict(in_channels=[320]), dict(in_index=(0, 1, 2))]
)
def test_the_decoder_wants_two_features(wrong):
    arguments = dict(in_channels=[24, 320], channels=16, num_classes=19)
    with pytest.raises(ValueError, match='two features, the low-level ones first'):
        MODELS.build(dict(type='mmtransfer.DeepLabV3PlusHead', **(arguments | wrong)))
