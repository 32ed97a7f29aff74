"""Options that nobody would read are refused, with the settings that hold the variable's value."""

import inspect
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmtransfer.tools import _options
from mmtransfer.tools._config import read_config

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
data_root = 'data/cells/'
image_size = (192, 144)
target = 185_631_200
found = 'work_dirs/search'
epochs = 2
search = dict(train_cfg=dict(max_epochs=60))
plain = dict(type='X', layers=(4, 4))
data_preprocessor = dict(type='P', mean=[1.5])
model = dict(
    backbone=plain,
    data_preprocessor=data_preprocessor,
    init_cfg=dict(checkpoint=f'{found}/iter_2.pth'),
)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(data_root=data_root, pipeline=[dict(type='Resize', scale=image_size)]),
)
val_evaluator = dict(ann_file=data_root + 'val.json')
train_cfg = dict(max_epochs=epochs, val_interval=2, searcher=dict(target=target))
"""


@pytest.fixture
def cfg(tmp_path):
    (tmp_path / 'x.py').write_text(TEXT)
    return Config.fromfile(tmp_path / 'x.py')


def refusal(cfg, option):
    before = cfg.to_dict()
    with pytest.raises(_options.OptionError) as caught:
        _options.change(cfg, [option])
    assert cfg.to_dict() == before
    return str(caught.value)


@pytest.mark.parametrize(
    ('option', 'instead'),
    [
        ('data_root=x/', 'train_dataloader.dataset.data_root, val_evaluator.ann_file.'),
        ('image_size=(64,64)', 'train_dataloader.dataset.pipeline.0.scale.'),
        ('target=1e9', 'train_cfg.searcher.target.'),
        ('found=y', 'model.init_cfg.checkpoint.'),
        ('plain.layers=(1,1)', 'model.backbone.layers.'),
        ('data_preprocessor.mean=[0]', 'model.data_preprocessor.mean.'),
        ('search.train_cfg.max_epochs=3', 'train_cfg.max_epochs.'),
    ],
)
def test_a_variable_that_is_used_up_names_what_to_set_instead(cfg, option, instead):
    message = refusal(cfg, option)
    assert 'would change nothing' in message and f'Set instead: {instead}' in message


def test_a_small_number_is_not_looked_for_everywhere(cfg):
    assert 'No setting has its value' in refusal(cfg, 'epochs=3')


@pytest.mark.parametrize(
    ('option', 'meant'),
    [
        ('max_epochs=3', 'Did you mean train_cfg.max_epochs?'),
        ('batch_size=4', 'Did you mean train_dataloader.batch_size?'),
        ('trian_cfg.val_interval=1', 'Did you mean train_cfg.val_interval, train_cfg?'),
        ('zzz=1', 'model, train_cfg, train_dataloader, val_evaluator'),
    ],
)
def test_an_unknown_key_names_what_was_meant(cfg, option, meant):
    message = refusal(cfg, option)
    assert 'nothing reads it' in message and meant in message


def test_what_does_not_fit_is_said(cfg):
    message = refusal(cfg, 'train_dataloader.dataset.pipeline.7.scale=1')
    assert 'does not fit the config' in message and '7' in message


def test_what_is_read_is_changed(cfg):
    options = ['train_cfg.max_epochs=5', 'load_from=a.pth', 'model.backbone.layers=(1,2)']
    _options.change(cfg, options)
    assert cfg.train_cfg.max_epochs == 5 and cfg.load_from == 'a.pth'
    assert cfg.model.backbone.layers == (1, 2)


def test_a_preprocessor_beside_the_model_is_read(cfg):
    cfg.model.pop('data_preprocessor')
    _options.change(cfg, ['data_preprocessor.mean=[0]'])
    assert cfg.data_preprocessor.mean == [0]


def test_every_key_that_the_runner_takes_is_known():
    """Also those that it reads by the way."""
    text = inspect.getsource(Runner.from_cfg)
    taken = set(re.findall(r"cfg(?:\.get\(|\[)'(\w+)'", text))
    read = set(re.findall(r"self\.cfg\.get\(\s*'(\w+)'", inspect.getsource(Runner)))
    assert len(taken) > 20 and len(read) > 2
    assert taken | read <= _options.READ


@pytest.mark.parametrize(
    ('name', 'option', 'instead'),
    [
        ('search_bccd', 'data_root=x/', 'train_dataloader.dataset.data_root'),
        ('search_bccd', 'target=1e8', 'train_cfg.searcher.target, train_cfg.regularisers.0.target'),
        ('search_bccd', 'image_size=(64,64)', 'train_dataloader.dataset.pipeline.2.scale'),
        ('adapt_bccd', 'found=x', 'default_hooks.remap.checkpoint'),
        ('search_bccd', 'supernet.kernels=(3,)', 'model.backbone.kernels'),
    ],
)
def test_the_variables_of_our_bases(name, option, instead):
    path = ROOT / f'configs/fna/retinanet_efflite0_{name}.py'
    with pytest.raises(_options.OptionError) as caught:
        read_config(path, [option])
    assert instead in str(caught.value)
