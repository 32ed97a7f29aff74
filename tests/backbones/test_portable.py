"""A trained model is its config and its checkpoint, in any folder."""

import json
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmtransfer.architecture import ArchitectureError
from mmtransfer.backbones import AdaptedBackbone
from mmtransfer.backbones.portable import embed_architectures
from mmtransfer.checkpoints.reading import read_checkpoint
from mmtransfer.digests import config_digests, former_digests
from mmtransfer.hooks.checkpoint import ResumeError
from mmtransfer.registry import MODELS
from mmtransfer.spaces import mbconv_space, read_architecture, seed_architecture
from tests.engine.test_search_loop import assert_equal_states
from tests.engine.tiny import search_config

RULE = dict(layers=(2, 2, 2, 2, 2, 1), kernels=(3, 5), expansions=(3, 6), min_layers=1)


def found(option='k5e3'):
    """An architecture that is not the seed, with notes."""
    space = mbconv_space('mobilenet_v2', **RULE)
    options = {choice.name: choice.options[0] for choice in space.choices}
    name = space.choices[1].name
    return space.architecture(options | {name: option}, provenance={'source': 'a test'})


def adapt_config(folder: Path, architecture, epochs=1) -> Config:
    """A fine-tune of the tiny classifier."""
    cfg = search_config(folder / 'work', epochs=epochs)
    cfg.model.backbone = dict(
        type='mmtransfer.AdaptedBackbone', architecture=architecture, out_indices=(6,)
    )
    cfg.train_cfg = dict(by_epoch=True, max_epochs=epochs)
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
    cfg.param_scheduler, cfg.custom_hooks = [], []
    cfg.default_hooks.checkpoint.update(by_epoch=True)
    text = cfg.dump()
    (folder / 'tiny.py').write_text(text)
    return Config.fromfile(folder / 'tiny.py')


def train(cfg, **changes):
    cfg = cfg.copy()
    cfg.update(changes)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A run whose architecture file was named relative to its folder, and is gone."""
    home = tmp_path / 'home'
    home.mkdir()
    monkeypatch.chdir(home)
    found().write('found/architecture.json')
    runner = train(adapt_config(home, 'found/architecture.json'))
    os.remove('found/architecture.json')
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    return runner, home / 'work'


def test_the_dumped_config_and_the_one_inside_build_the_model_anywhere(trained):
    runner, work = trained
    content = read_checkpoint(work)
    inside = Config.fromstring(content['meta']['cfg'], '.py')
    read_by_inferencers = Config.fromstring(content['message_hub']['runtime_info']['cfg'], '.py')
    for cfg in (Config.fromfile(work / 'tiny.py'), inside, read_by_inferencers):
        model = MODELS.build(cfg.model)
        assert model.backbone.architecture == found()
        assert model.backbone.architecture.provenance == {'source': 'a test'}
        model.load_state_dict(content['state_dict'])
        assert_equal_states(model.state_dict(), runner.model.state_dict())


def test_a_checkpoint_stands_for_its_architecture(trained):
    _, work = trained
    path = work / 'epoch_1.pth'
    model = AdaptedBackbone(architecture=str(path), out_indices=(6,))
    assert model.architecture == found() == read_architecture(path)
    torch.save({'state_dict': {}}, 'other.pth')
    with pytest.raises(ArchitectureError, match=r"'other.pth' must hold the.*tools/derive.py"):
        AdaptedBackbone(architecture='other.pth')


def test_resume_with_the_dumped_config(trained):
    _, work = trained
    cfg = Config.fromfile(work / 'tiny.py')
    cfg.train_cfg.max_epochs = 2
    assert train(cfg, resume=True).epoch == 2


def test_resume_of_a_checkpoint_of_before(tmp_path, monkeypatch):
    """Its digest is of the path; the config names the same path."""
    monkeypatch.chdir(tmp_path)
    found().write('architecture.json')
    cfg = adapt_config(tmp_path, 'architecture.json', epochs=2)
    train(adapt_config(tmp_path, 'architecture.json'))
    path = tmp_path / 'work/epoch_1.pth'
    content = read_checkpoint(path)
    before = former_digests(cfg.get)['model']
    assert content['mmtransfer']['config']['model'] != before
    content['mmtransfer']['config']['model'] = before
    torch.save(content, path)
    assert train(cfg, resume=True).epoch == 2


def test_what_counts_in_an_architecture(tmp_path, monkeypatch):
    """Another file with the same options resumes; other options do not."""
    monkeypatch.chdir(tmp_path)
    found().write('a.json')
    found().replace(provenance={'source': 'derived again'}).write('b.json')
    found('k3e3').write('c.json')
    a, b, c = (
        config_digests(adapt_config(tmp_path, f'{name}.json'))['model'] for name in ('a', 'b', 'c')
    )
    assert a == b != c
    content = json.loads(found().to_json())
    assert config_digests(adapt_config(tmp_path, content))['model'] == a
    train(adapt_config(tmp_path, 'a.json'))
    with pytest.raises(ResumeError, match='another config: model differ'):
        train(adapt_config(tmp_path, 'c.json', epochs=2), resume=True)


def test_configs_without_a_file_are_left_alone(tmp_path):
    for name in ('mobilenet_v2', 'resnet50:1,3,7,5'):
        cfg = Config(dict(model=dict(type='mmtransfer.AdaptedBackbone', architecture=name)))
        assert not embed_architectures(cfg) and cfg.model.architecture == name
    other = Config(dict(model=dict(type='mmengine.Other', architecture='file.json')))
    assert not embed_architectures(other)
    assert not embed_architectures(Config(dict(a=1)))
    assert seed_architecture('mobilenet_v2') == AdaptedBackbone('mobilenet_v2').architecture


def test_a_wrapped_model_and_a_class_as_type(tmp_path):
    found().write(tmp_path / 'a.json')
    backbone = dict(type=AdaptedBackbone, architecture=str(tmp_path / 'a.json'))
    cfg = Config(dict(model=dict(detector=[dict(backbone=backbone)])))
    assert embed_architectures(cfg)
    content = cfg.model.detector[0].backbone.architecture
    assert read_architecture(dict(content)) == found()


PURE = """
from mmengine.config import read_base
with read_base():
    from .base import *
from mmtransfer.backbones import AdaptedBackbone
model = dict(backbone=dict(type=AdaptedBackbone, architecture='{}', norm_cfg=dict(type=BN)))
"""


def test_a_config_of_pure_python_is_dumped_with_paths_for_classes(tmp_path):
    found().write(tmp_path / 'found.json')
    (tmp_path / 'base.py').write_text('from torch.nn import BatchNorm2d as BN\n')
    (tmp_path / 'pure.py').write_text(PURE.format(tmp_path / 'found.json'))
    cfg = Config.fromfile(tmp_path / 'pure.py')
    before = config_digests(cfg)
    assert embed_architectures(cfg)
    cfg.dump(str(tmp_path / 'dumped.py'))
    again = Config.fromfile(tmp_path / 'dumped.py')
    assert again.model.backbone.type == 'mmtransfer.backbones.AdaptedBackbone'
    assert read_architecture(again.model.backbone.architecture.to_dict()) == found()
    assert config_digests(again) == config_digests(cfg) == before
