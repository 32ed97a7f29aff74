import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from mmtransfer.engine import (
    RegularisedAmpOptimWrapper,
    RegularisedOptimWrapper,
    SearchOptimWrapperConstructor,
)


class Net(nn.Module):
    """A weight, a normalisation and one architecture parameter."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1, bias=False)
        self.bn = nn.BatchNorm1d(1)
        self.backbone = nn.Module()
        self.backbone.logits = nn.ParameterList([nn.Parameter(torch.zeros(3))])
        self.backbone.architecture_parameters = lambda: list(self.backbone.logits)


def constructor(weights_paramwise=None, **changes):
    part = dict(
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1),
    )
    part = {k: v for k, v in dict(part, **changes).items() if v is not None}
    weights = dict(part, paramwise_cfg=weights_paramwise) if weights_paramwise else part
    return SearchOptimWrapperConstructor(dict(weights=weights, arch=part))


@pytest.mark.parametrize('paramwise', [None, dict(norm_decay_mult=0.0)])
def test_every_parameter_belongs_to_exactly_one_optimiser(paramwise):
    net = Net()
    built = constructor(paramwise)(net)
    owned = {
        kind: {id(p) for g in built[kind].optimizer.param_groups for p in g['params']}
        for kind in ('weights', 'arch')
    }
    logits = {id(p) for p in net.backbone.logits}
    assert owned['arch'] == logits
    assert owned['weights'] == {id(p) for p in net.parameters()} - logits
    assert (built['weights'].kind, built['arch'].kind) == ('weights', 'arch')
    assert 'backbone.logits.0' in net.state_dict()


def test_wrong_parts_and_models_are_refused():
    with pytest.raises(ValueError, match=r"\['optimizer', 'type'\]"):
        SearchOptimWrapperConstructor(dict(type='OptimWrapper', optimizer={}))
    with pytest.raises(ValueError, match='no architecture parameters'):
        constructor()(nn.Linear(1, 1))


@pytest.mark.parametrize(
    ('given', 'ours'),
    [
        (None, RegularisedOptimWrapper),
        ('OptimWrapper', RegularisedOptimWrapper),
        (OptimWrapper, RegularisedOptimWrapper),
        ('AmpOptimWrapper', RegularisedAmpOptimWrapper),
        ('mmengine.AmpOptimWrapper', RegularisedAmpOptimWrapper),
        (AmpOptimWrapper, RegularisedAmpOptimWrapper),
        ('mmtransfer.RegularisedAmpOptimWrapper', RegularisedAmpOptimWrapper),
        (RegularisedOptimWrapper, RegularisedOptimWrapper),
    ],
)
def test_stock_wrappers_stand_for_ours(given, ours):
    built = constructor(type=given)(Net())
    assert [type(built[kind]) for kind in ('weights', 'arch')] == [ours, ours]


def test_every_other_registered_wrapper_is_refused_by_name():
    known = {'OptimWrapper', 'AmpOptimWrapper'}
    others = sorted(set(OPTIM_WRAPPERS.module_dict) - known)
    assert 'ApexOptimWrapper' in others
    for name in (*others, 'NoSuchWrapper'):
        with pytest.raises(ValueError, match=f"optim_wrapper.*type must be.*received '{name}'"):
            constructor(type=name)


def test_accumulation_is_refused_whatever_the_wrapper():
    for name in ('OptimWrapper', 'AmpOptimWrapper', 'mmtransfer.RegularisedOptimWrapper'):
        with pytest.raises(ValueError, match=r'accumulative_counts.*optim_wrapper\.weights'):
            constructor(type=name, accumulative_counts=2)(Net())
