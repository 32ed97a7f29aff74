"""Types in a backbone's settings may be classes or paths, as well as names."""

import pytest
from mmengine.model import BaseModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmtransfer.backbones import AdaptedBackbone, take_remap
from mmtransfer.backbones.arguments import Remap


@pytest.mark.parametrize('kind', ['BN', 'SyncBN', 'torch.nn.BatchNorm2d', nn.BatchNorm2d])
def test_every_spelling_of_a_batch_norm(kind):
    norms = [m for m in AdaptedBackbone('resnet18', norm_cfg=dict(type=kind)).modules()
             if isinstance(m, _BatchNorm)]  # fmt: skip
    assert len(norms) == 20 and all(m.eps == 1e-5 for m in norms)


@pytest.mark.parametrize('kind', ['GN', 'IN', nn.GroupNorm, nn.InstanceNorm2d, 'BNX', None])
def test_other_norms_are_refused(kind):
    with pytest.raises(ValueError, match='norm_cfg must be a batch norm'):
        AdaptedBackbone('resnet18', norm_cfg=dict(type=kind, num_groups=1))


@pytest.mark.parametrize(
    'kind', ['mmtransfer.Remap', 'Remap', Remap, 'mmtransfer.backbones.arguments.Remap']
)
def test_every_spelling_of_a_remap(kind):
    other = dict(type='Kaiming', layer='Conv2d')
    left, arguments = take_remap([other, dict(type=kind, checkpoint='x.pth', width='l1')])
    assert left == [other] and arguments == dict(checkpoint='x.pth', width='l1')


def test_a_remap_of_another_network_is_refused():
    class Stock(BaseModule):
        pass

    with pytest.raises(ValueError, match='must belong to a network of ours'):
        Stock(dict(type='mmtransfer.Remap', checkpoint='x.pth')).init_weights()
