"""Checkpoints that fit by names and shapes but compute something else: refused, with the reason."""

import pytest
import torch
from mmengine.model import ImgDataPreprocessor
from torch import nn

from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.remap import SeedCheckpointError, load_model, load_seed
from mmtransfer.remap.disagreement import backbone_settings, config_of
from mmtransfer.remap.load import loaded_state
from mmtransfer.seeds import find_seed, seed_network
from mmtransfer.seeds.namings import namings_of

RGB = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
CAFFE = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False)


def text(backbone='', preprocessor=None):
    """A config as MMEngine keeps it in a checkpoint."""
    images = ', '.join(f'{name}={value}' for name, value in (preprocessor or {}).items())
    return (
        "norm = dict(type='BN', eps=0.001)\n"
        'import os\n'
        f'model = dict(backbone=dict(type="ResNet", depth=50, {backbone}), '
        f'data_preprocessor=dict({images}))\n'
        "x = os.system('false')\n"
    )


def saved(path, config='', seed='resnet50', change=None, key='cfg'):
    """A checkpoint of a toolbox's network, with its config."""
    torch.manual_seed(0)
    ours = AdaptedBackbone(seed).state_dict()
    for name, tensor in ours.items():
        if name.endswith('running_mean'):
            tensor.normal_()
    if change:
        change(ours)
    names = namings_of(find_seed(seed))['torchvision'](seed_network(seed))
    state = {f'backbone.{names[n]}': t for n, t in ours.items()}
    torch.save({'state_dict': state, 'meta': {key: config}}, path)
    return path


@pytest.mark.parametrize(
    ('seed', 'settings', 'reason'),
    [
        ('resnet50', 'style="caffe"', "style='caffe': the stride is in the first convolution"),
        ('resnet50', 'act_cfg=dict(type="SiLU")', 'its activation is SiLU, here ReLU'),
        ('resnet50', 'norm_cfg=norm', 'the eps of its norms is 0.001, here 1e-05'),
        ('mobilenet_v2', 'act_cfg={"type": "ReLU"}', 'its activation is ReLU, here ReLU6'),
    ],
)
@pytest.mark.parametrize('key', ['cfg', 'config'])
def test_what_its_own_config_says(tmp_path, seed, settings, reason, key):
    file = saved(tmp_path / 'x.pth', text(settings), seed, key=key)
    for net in (AdaptedBackbone(seed), FNASupernet(seed)):
        before = net.stem.conv.weight.clone()
        with pytest.raises(SeedCheckpointError) as caught:
            load_seed(net, file)
        for words in (reason, 'x.pth', 'save its state dict alone'):
            assert words in str(caught.value)
        assert torch.equal(net.stem.conv.weight, before)


def test_a_config_that_agrees_and_none_at_all(tmp_path):
    agreeing = 'style="pytorch", act_cfg=dict(type="ReLU"), norm_cfg=dict(type="BN", eps=1e-5)'
    for config in (text(agreeing), text(), '', 'model = (', 'model = dict(' * 3000):
        load_seed(AdaptedBackbone('resnet50'), saved(tmp_path / 'x.pth', config))
    load_seed(
        AdaptedBackbone('resnet18'), saved(tmp_path / 'x.pth', text('style="caffe"'), 'resnet18')
    )


def test_a_network_converted_from_caffe_shows_in_its_norms(tmp_path):
    def fold(state):
        for name, tensor in state.items():
            if name.endswith('running_mean'):
                tensor.zero_()
            elif tensor.dim() == 1 and name.endswith('weight'):
                tensor.mul_(0.7)

    file = saved(tmp_path / 'x.pth', change=fold)
    with pytest.raises(SeedCheckpointError, match='mean 0 and variance 1 throughout.*BGR'):
        load_seed(AdaptedBackbone('resnet50'), file)


class Model(nn.Module):
    def __init__(self, kind=ImgDataPreprocessor, **images):
        super().__init__()
        self.backbone = AdaptedBackbone('resnet50')
        self.data_preprocessor = kind(**images)


def test_images_that_were_prepared_otherwise(tmp_path):
    file = saved(tmp_path / 'x.pth', text(preprocessor=CAFFE))
    content = torch.load(file, weights_only=True)
    for load in (
        lambda: load_model(Model(**RGB), file, 'seed'),
        lambda: loaded_state(Model(**RGB), content, 'x.pth'),
    ):
        with pytest.raises(
            SeedCheckpointError, match='colours BGR, the config gives RGB'
        ) as caught:
            load()
        assert 'std [1.0, 1.0, 1.0], the config gives [58.395, 57.12, 57.375]' in str(caught.value)
    load_model(Model(**CAFFE), file, 'seed')
    load_model(Model(), file, 'seed')  # a config that says nothing is left alone
    load_model(Model(**RGB), saved(tmp_path / 'x.pth', text(preprocessor=RGB)), 'seed')


def test_the_order_of_colours_in_every_toolbox(tmp_path):
    from mmseg.models import SegDataPreProcessor

    equal = dict(mean=[127.0] * 3, std=[128.0] * 3)
    swapped = {**equal, 'rgb_to_bgr': True}
    for kind in (ImgDataPreprocessor, SegDataPreProcessor):
        file = saved(tmp_path / 'x.pth', text(preprocessor={**equal, 'bgr_to_rgb': True}))
        with pytest.raises(SeedCheckpointError, match='colours RGB, the config gives BGR'):
            load_model(Model(kind, **equal), file, 'seed')
        load_model(Model(kind, **equal, bgr_to_rgb=True), file, 'seed')
        file = saved(tmp_path / 'x.pth', text(preprocessor=swapped))
        load_model(Model(kind, **swapped), file, 'seed')


def test_only_literals_are_read():
    content = {'meta': {'cfg': text('style="caffe", frozen=-1, x=len([1])')}}
    assert backbone_settings(content) == dict(
        type='ResNet', depth=50, style='caffe', frozen=-1, x=None
    )
    assert config_of(content)['x'] is None
    semi = "detector = dict(backbone=dict(style='caffe'))\nmodel = dict(detector=detector)"
    assert backbone_settings({'meta': {'cfg': semi}}) == dict(style='caffe')
    assert backbone_settings({}) == backbone_settings({'meta': 3}) == {}
