"""``load_from`` in a run: a plain detector's weights reach a search and an adapted network."""

import pytest
import torch
from mmengine.runner import Runner

from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.remap import RemapError
from mmtransfer.seeds import seed_network
from mmtransfer.seeds.namings import NAMINGS
from tests.engine.tiny import SPACES, search_config


@pytest.fixture
def plain(tmp_path):
    """A checkpoint of a model around mmdet's MobileNetV2, and its tensors in our names."""
    torch.manual_seed(0)
    ours = AdaptedBackbone('mobilenet_v2').state_dict()
    names = NAMINGS['mbconv']['mmdet'](seed_network('mobilenet_v2'))
    state = {f'backbone.{names[name]}': tensor for name, tensor in ours.items()}
    state |= {'fc.weight': torch.randn(2, 320), 'fc.bias': torch.randn(2)}
    torch.save({'state_dict': state, 'meta': {}}, tmp_path / 'plain.pth')
    return tmp_path / 'plain.pth', ours, state


def config(folder, file):
    cfg = search_config(folder / 'work', epochs=1, arch_begin=0)
    for part in cfg.optim_wrapper.values():
        if isinstance(part, dict):
            part.optimizer.lr = 0.0  # the weights stay what was loaded
    cfg.load_from = str(file)
    return cfg


def test_a_search_takes_backbone_and_head(tmp_path, plain):
    """Neck, head and the stem only, before."""
    file, ours, state = plain
    runner = Runner.from_cfg(config(tmp_path, file))
    model = runner.train()
    found = getattr(model, 'module', model).state_dict()
    assert torch.equal(found['fc.weight'], state['fc.weight'])
    last = 'project.conv.weight'
    assert torch.equal(
        found[f'backbone.stages.5.0.k3e3.{last}'], ours[f'stages.5.0.{last}'][:, :288]
    )
    assert torch.equal(found['backbone.stem.conv.weight'], ours['stem.conv.weight'])


def test_another_head_is_refused_with_counts(tmp_path, plain):
    file, _, state = plain
    torch.save({'state_dict': state | {'fc.weight': torch.randn(3, 320)}}, file)
    runner = Runner.from_cfg(config(tmp_path, file))
    with pytest.raises(RemapError, match=r'backbone \d+ of \d+, fc 1 of 2'):
        runner.train()
    assert SPACES['mobilenet_v2']['seed'] == 'mobilenet_v2'
