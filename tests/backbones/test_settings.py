"""The arguments that all backbones share, as one value, and what a new backbone needs."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from mmtransfer.backbones.base import StagedBackbone
from mmtransfer.backbones.layerwise import LayerwiseSupernet
from mmtransfer.backbones.settings import Settings, arguments_of
from mmtransfer.seeds import Network
from mmtransfer.spaces import mbconv_space, network, seed_architecture

SHARED = (
    'out_indices frozen_stages norm_cfg norm_eval with_cp init_cfg output_stride channels_last '
    'in_channels'
).split()


def test_settings_are_named_and_stay():
    settings = Settings(in_channels=1)
    with pytest.raises(FrozenInstanceError):
        settings.in_channels = 3
    with pytest.raises(TypeError, match='positional'):
        Settings((1, 2))


@pytest.mark.parametrize(
    ('backbone', 'own'),
    [
        (AdaptedBackbone, 'architecture blocks max_blocks expand_indices'),
        (DepthSupernet, 'seed max_blocks differentiable'),
        (
            FNASupernet,
            'seed layers kernels expansions min_layers restrict ops temperature expand_indices',
        ),
    ],
)
def test_the_arguments_of_a_backbone(backbone, own):
    assert arguments_of(backbone) == [*own.split(), *SHARED]


class Trunk(StagedBackbone):
    """The first stages of a seed."""

    def __init__(self, seed='mobilenet_v2', *, stages=2, **settings):
        whole = network(seed_architecture(seed))
        first = Network(whole.seed, tuple(n for n in whole.nodes if n.stage < stages))
        super().__init__(first, Settings.of(type(self), settings))
        self.add_stages()
        self.freeze()


class Narrow(LayerwiseSupernet):
    """A supernet of one kernel."""

    def __init__(self, kernel=3, **settings):
        super().__init__(mbconv_space('mobilenet_v2', kernels=(kernel,)), **settings)


def test_a_backbone_of_a_few_lines():
    trunk = Trunk(stages=3, frozen_stages=1, in_channels=2)
    assert not any(p.requires_grad for p in trunk.stages[0].parameters())
    assert trunk.begin(torch.zeros(1, 2, 16, 16)).shape == (1, 32, 8, 8)
    with pytest.raises(TypeError, match='^Trunk takes the arguments seed, stages, out_indices, '):
        Trunk(stage=3)


def test_a_supernet_of_a_few_lines():
    supernet = Narrow(5, temperature=2.0, out_indices=(1,))
    assert supernet.space.choices[0].options == ('k5e3', 'k5e6') and supernet.temperature == 2
    with pytest.raises(TypeError, match='^Narrow takes the arguments kernel, temperature, expand_'):
        Narrow(kernels=5)
