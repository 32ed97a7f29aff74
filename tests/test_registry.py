"""A type is the class that it names, however a config writes it."""

import pytest
from mmengine.hooks import CheckpointHook as MMEngineCheckpointHook
from mmengine.hooks import IterTimerHook
from mmengine.registry import MODELS as ROOT_MODELS
from torch import nn

from mmtransfer.hooks.checkpoint import CheckpointHook
from mmtransfer.hooks.remap import RemapHook
from mmtransfer.registry import HOOKS, MODELS, is_a, named_type

SPELLINGS = [
    dict(type='mmtransfer.RemapHook'),
    dict(type=RemapHook),
    dict(type='mmtransfer.hooks.remap.RemapHook'),
    dict(type='mmtransfer.hooks.remap.RemapHook'),
    dict(type='RemapHook', _scope_='mmtransfer'),
]


@pytest.mark.parametrize('config', SPELLINGS)
def test_every_spelling_of_a_type(config):
    assert named_type(config, HOOKS) is RemapHook
    assert is_a(config, RemapHook, HOOKS) and not is_a(config, CheckpointHook, HOOKS)


def test_a_bare_name_belongs_to_a_scope():
    bare = dict(type='CheckpointHook')
    assert named_type(bare, HOOKS, 'mmtransfer') is CheckpointHook
    assert named_type(bare, HOOKS, 'mmengine') is MMEngineCheckpointHook
    assert is_a(dict(type='mmtransfer.CheckpointHook'), MMEngineCheckpointHook, HOOKS)


@pytest.mark.parametrize('config', [{}, None, 3, dict(type='a.b.c'), dict(type='Nowhere')])
def test_what_names_no_type(config):
    assert named_type(config, HOOKS) is None
    assert not is_a(config, IterTimerHook, HOOKS)


def test_functions_and_layers():
    assert named_type(dict(type=len), HOOKS) is len and not is_a(dict(type=len), RemapHook, HOOKS)
    for kind in (nn.BatchNorm2d, 'BN', 'torch.nn.BatchNorm2d'):
        assert is_a(dict(type=kind), nn.BatchNorm2d, ROOT_MODELS)
        assert is_a(dict(type=kind), nn.BatchNorm2d, MODELS)
