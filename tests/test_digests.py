"""A config and what is dumped of it are the same to a run that resumes."""

import hashlib
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, default_collate
from torch import nn

from mmtransfer import compat
from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.digests import config_digests, digest, former_digests
from mmtransfer.hooks.fit import check_config
from tests.engine.tiny import search_config


@pytest.mark.parametrize(
    ('value', 'path'),
    [
        (FNASupernet, 'mmtransfer.backbones.FNASupernet'),
        (FNASupernet, 'mmtransfer.backbones.fna.FNASupernet'),
        (nn.BatchNorm2d, 'torch.nn.BatchNorm2d'),
        (default_collate, 'mmengine.dataset.default_collate'),
        (DefaultSampler, 'mmengine.dataset.sampler.DefaultSampler'),
    ],
)
def test_a_class_and_its_paths(value, path):
    assert digest(dict(a=[dict(type=value)])) == digest(dict(a=(dict(type=path),)))
    assert digest(dict(type=value)) != digest(dict(type=AdaptedBackbone))


def test_texts_are_no_paths():
    names = ['mmtransfer.FNASupernet', 'a.b.c', 'mmtransfer.backbones.Missing', 'runs/s.pth', '']
    assert len({digest(name) for name in names}) == len(names)
    assert digest(dict(x=torch.float16)) != digest(dict(x=torch.float32))


def test_configs_of_names_have_the_digests_that_they_had(tmp_path):
    """Of scores and checkpoints of earlier versions."""
    compat.apply()
    cfg = search_config(tmp_path)
    text = json.dumps(cfg.model, sort_keys=True)
    assert config_digests(cfg)['model'] == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert config_digests(cfg) == former_digests(cfg.get)


def test_checkpoints_that_told_a_class_from_its_path():
    compat.apply()
    cfg = Config(dict(model=dict(type=FNASupernet), train_cfg={}))
    text = json.dumps({'type': str(FNASupernet)}, sort_keys=True)
    before = former_digests(cfg.get)
    assert before['model'] == hashlib.sha256(text.encode()).hexdigest()[:16]
    mine = config_digests(cfg)
    assert before['model'] != mine['model']
    noted = dict(mmtransfer=dict(config=before))
    check_config(noted, mine, [before, {}])
    with pytest.raises(ValueError, match='another config: model differ'):
        check_config(noted, mine, [])


def test_the_schedule_of_the_steps_counts_wherever_it_stands():
    """A searcher that asks for candidates may be another one in a run that is resumed."""

    def of(**train_cfg):
        return config_digests(Config(dict(train_cfg=train_cfg)))['train_cfg']

    assert of(arch_begin=1, searcher=dict(a=1)) != of(arch_begin=1, searcher=dict(a=2))
    assert of(searcher=dict(arch_begin=1)) != of(searcher=dict(arch_begin=2))
    assert of(arch_begin=None, searcher=dict(a=1)) == of(arch_begin=None, searcher=dict(a=2))
