import pytest
import torch
from torch import nn

from mmtransfer.engine.optim import (
    NonFiniteLossError,
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


def wrapper(value=2.0):
    weight = nn.Parameter(torch.tensor(value))
    return weight, RegularisedOptimWrapper(optimizer=torch.optim.SGD([weight], lr=0.5), kind='arch')


def test_total_is_task_plus_regularisers():
    """d/dw (w^2 + 3 w) at 2 is 7; a step of 0.5 leads to -1.5."""
    weight, optim = wrapper()
    optim.terms = lambda: {'extra': 3 * weight}
    optim.update_params(weight**2)
    assert weight.item() == -1.5


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_bad_loss_or_term_changes_nothing(bad):
    for task, extra, name in ((bad, 1.0, 'task loss'), (1.0, bad, 'extra')):
        weight, optim = wrapper()
        optim.terms = lambda extra=extra, weight=weight: {'extra': weight * extra}
        with pytest.raises(NonFiniteLossError, match=f'the {name} is .*arch step of iteration'):
            optim.update_params(weight * task)
        assert weight.item() == 2.0 and weight.grad is None


def test_accumulation_is_refused():
    weight = nn.Parameter(torch.zeros(1))
    with pytest.raises(ValueError, match='received 2'):
        RegularisedOptimWrapper(optimizer=torch.optim.SGD([weight], lr=1.0), accumulative_counts=2)


def constructor(weights_paramwise=None):
    part = dict(
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1),
    )
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
