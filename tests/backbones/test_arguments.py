"""Arguments that no backbone has: its own message, with those that it has."""

import pytest
from mmengine.registry import MODELS as ROOT

from mmtransfer.backbones import AdaptedBackbone, DepthSupernet, FNASupernet
from mmtransfer.space import SpaceError

BUILDS = {
    'AdaptedBackbone': dict(type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2'),
    'DepthSupernet': dict(type='mmtransfer.DepthSupernet', seed='mobilenet_v2'),
    'FNASupernet': dict(type='mmtransfer.FNASupernet', seed='mobilenet_v2'),
}


@pytest.mark.parametrize('name', BUILDS)
def test_a_misspelled_argument(name):
    """From a config, as users write it."""
    with pytest.raises(TypeError) as caught:
        ROOT.build(dict(BUILDS[name], frozen_stage=1))
    for words in (
        f'{name} takes the arguments',
        'out_indices, ',
        'frozen_stage=1',
        "'frozen_stages'",
    ):
        assert words in str(caught.value)


@pytest.mark.parametrize('name', BUILDS)
def test_what_mmsegs_bases_set(name):
    """EncoderDecoder hands model.pretrained on to the backbone."""
    with pytest.raises(TypeError, match=r'set model\.pretrained=None.*mmtransfer\.Remap') as caught:
        ROOT.build(dict(BUILDS[name], pretrained='open-mmlab://resnet50_v1c'))
    assert "pretrained='open-mmlab://resnet50_v1c'" in str(caught.value)
    assert 'space' not in str(caught.value)


def test_the_arguments_of_a_space_belong_to_the_supernet():
    with pytest.raises(TypeError, match="layers, kernels.*kernel_sizes.*may mean 'kernels'"):
        FNASupernet('mobilenet_v2', kernel_sizes=(3, 5))
    with pytest.raises(SpaceError, match='takes ops; received .*kernels'):
        FNASupernet('resnet18', kernels=(3, 5))
    with pytest.raises(TypeError, match='received also layers'):
        DepthSupernet('mobilenet_v2', layers=(1,))
    with pytest.raises(TypeError, match='Correct or remove it'):
        AdaptedBackbone('mobilenet_v2', xyz=1)
