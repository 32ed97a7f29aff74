"""A config of pure Python, with classes in place of names: a search, its resume, its result."""

import json
from pathlib import Path

import pytest

from mmtransfer.architecture import Architecture
from mmtransfer.tools import derive, get_cost, train
from mmtransfer.tools._config import check_search, read_config

BASE = """
from mmengine.dataset import DefaultSampler, default_collate
from mmtransfer.backbones import FNASupernet
from tests.engine.tiny import TinyAccuracy, TinyClassifier, TinyImages
from torch.nn import BatchNorm2d

default_scope = 'mmengine'
model = dict(
    type=TinyClassifier,
    backbone=dict(
        type=FNASupernet, seed='mobilenet_v2', layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5),
        expansions=(3,), out_indices=(6,), norm_cfg=dict(type=BatchNorm2d)))
loader = dict(
    batch_size=4, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(type=TinyImages, number=8), collate_fn=dict(type=default_collate))
train_dataloader = loader
val_dataloader = loader
val_evaluator = dict(type=TinyAccuracy)
randomness = dict(seed=0)
log_level = 'WARNING'
"""
SEARCH = """
from mmengine.config import read_base
with read_base():
    from .base import *
from mmengine.runner import ValLoop
from mmtransfer.engine import RegularisedOptimWrapper, SearchLoop, SearchOptimWrapperConstructor
from mmtransfer.hooks import CheckpointHook, SearchLogHook
from mmtransfer.search import CostTerm, DifferentiableSearcher
from torch.optim import SGD, Adam

val_cfg = dict(type=ValLoop)
train_cfg = dict(
    type=SearchLoop, max_epochs=1, arch_begin=0, input_size=(32, 32), split=dict(arch=0.5, seed=0),
    searcher=dict(type=DifferentiableSearcher), regularisers=[dict(type=CostTerm, factor=0.05)])
optim_wrapper = dict(
    constructor=SearchOptimWrapperConstructor,
    weights=dict(type=RegularisedOptimWrapper, optimizer=dict(type=SGD, lr=0.02)),
    arch=dict(type=RegularisedOptimWrapper, optimizer=dict(type=Adam, lr=0.05)))
param_scheduler = dict(weights=[], arch=[])
default_hooks = dict(checkpoint=dict(type=CheckpointHook, interval=1, by_epoch=False))
custom_hooks = [dict(type=SearchLogHook)]
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'base.py').write_text(BASE)
    (tmp_path / 'search.py').write_text(SEARCH)
    return str(tmp_path / 'search.py')


def test_a_search(config, tmp_path, monkeypatch, capsys):
    def call(tool, *arguments):
        monkeypatch.setattr('sys.argv', [f'{tool.__name__}.py', config, *map(str, arguments)])
        status = tool.main()
        assert status == 0, capsys.readouterr().err

    work, found = tmp_path / 'work', tmp_path / 'found.json'
    check_search(read_config(config))
    call(train, '--work-dir', work)
    longer = ('--cfg-options', 'train_cfg.max_epochs=2')
    call(train, '--work-dir', work, '--resume', *longer)
    assert (work / 'iter_2.pth').exists()
    # The config that the run has dumped names the types by their paths.
    dumped = str(work / 'search.py')
    assert 'mmtransfer.engine.SearchLoop' in Path(dumped).read_text()
    longer = ('--cfg-options', 'train_cfg.max_epochs=3')
    monkeypatch.setattr(
        'sys.argv', ['train.py', dumped, '--work-dir', str(work), '--resume', *longer]
    )
    assert train.main() == 0, capsys.readouterr().err
    assert (work / 'iter_3.pth').exists()
    call(derive, work, '-o', found)
    capsys.readouterr()
    call(get_cost, '--shape', '32', '32', '--json', '--architecture', found)
    counts = json.loads(capsys.readouterr().out)
    assert counts['madds']['backbone'] == Architecture.read(found).cost['madds']
