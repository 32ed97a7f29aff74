"""What supernets say of the parameters that take no part in a step."""

import random

import pytest
import torch

from mmtransfer.backbones import MIXTURE, DepthSupernet, FNASupernet
from tests.backbones.nets import loss

SPACE = dict(layers=(2, 2, 1, 1, 1, 1), kernels=(3, 5), expansions=(3, 6))
SUPERNETS = {
    'mobilenet_v2': lambda: FNASupernet('mobilenet_v2', out_indices=(1, 2, 4), **SPACE),
    'resnet18': lambda: FNASupernet('resnet18', ops=('k3g1', 'k5g2'), frozen_stages=1),
    'depth': lambda: DepthSupernet('resnet18', [3, 2, 4, 3], out_indices=(1, 2)),
    'depth mixed': lambda: DepthSupernet('resnet18', [3, 2, 4, 3], differentiable=True),
}


@pytest.mark.parametrize('kind', SUPERNETS)
def test_idle_parameters_are_those_without_a_gradient(kind):
    net = SUPERNETS[kind]().train()
    selections = [net.space.sample(random.Random(i)) for i in range(3)]
    if net.architecture_parameters():
        selections.append(MIXTURE)
    names = {id(p): name for name, p in net.named_parameters()}
    for selection in selections:
        net.select(selection)
        net.zero_grad()
        total = loss(net(torch.randn(2, 3, 64, 64)))
        if selection == MIXTURE:  # as by a cost term, the stages after the last feature included
            total = total + sum(p.square().sum() for p in net.probabilities().values())
        total.backward()
        idle = {names[id(p)] for m in net.idle_modules() for p in m.parameters()}
        learning = {name for name, p in net.named_parameters() if p.requires_grad}
        without = {name for name, p in net.named_parameters() if p.grad is None}
        assert without & learning == idle & learning
        assert (selection == MIXTURE) != any('logits' in name for name in idle) or kind == 'depth'
    assert learning - idle and (idle or kind != 'depth')
