"""The tool on a small search, and its table in the hands of a search's cost."""

import json
import sys
from pathlib import Path

import pytest

from mmtransfer.cost.table import table_for
from mmtransfer.spaces import mbconv_space
from mmtransfer.tools import measure_latency as tool

ROOT = Path(__file__).resolve().parents[2]

SPACE = dict(seed='mobilenet_v2', layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3,))
CONFIG = f"""
model = dict(backbone=dict(type='mmtransfer.FNASupernet', out_indices=(2, 4), output_stride=16,
                           init_cfg=dict(type='mmtransfer.Remap', checkpoint='none'), **{SPACE}))
train_cfg = dict(type='mmtransfer.SearchLoop', input_size=(64, 96))
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    return str(tmp_path / 'config.py')


@pytest.mark.parametrize('layout', [False, True])
def test_the_tool_measures_a_table_that_a_search_reads(
    config, tmp_path, monkeypatch, capsys, layout
):
    out = str(tmp_path / 'latency.json')
    options = ['--repeats', '2', '--cfg-options', f'model.backbone.channels_last={layout}']
    monkeypatch.setattr(sys, 'argv', ['x', config, '-o', out, *options])
    tool.main()
    said = capsys.readouterr().out
    assert 'float32, batch 1, 64 x 96' + ', channels last' * layout + '\n' in said
    assert (
        'ms as the sum of its layers' in said and 'ms measured whole: the table is off by' in said
    )
    stamp = json.loads(Path(out).read_text())['stamp']
    assert stamp['output_stride'] == 16 and stamp['channels_last'] is layout
    space = mbconv_space(**SPACE)
    train_cfg = dict(input_size=(64, 96), metric='latency', latency_table=out)
    table = table_for(train_cfg, space, 16)
    low, high = table.bounds()
    assert 0 < table.fixed < low < high
    assert set(table.entries['stage1.layer1']) == {'k3e3', 'k5e3', 'skip'}


def test_the_backbone_of_a_wrapped_detector(tmp_path, monkeypatch):
    text = CONFIG.replace('dict(backbone=', 'dict(detector=dict(backbone=', 1)
    (tmp_path / 'config.py').write_text(text.replace('))\ntrain', ')))\ntrain'))
    out = tmp_path / 'latency.json'
    monkeypatch.setattr(
        sys, 'argv', ['x', str(tmp_path / 'config.py'), '-o', str(out), '--repeats', '1']
    )
    assert tool.main() == 0
    assert json.loads(out.read_text())['stamp']['output_stride'] == 16


@pytest.mark.parametrize('wrong', [['--batch', '0'], ['--repeats', '0'], ['--device', 'tpu']])
def test_wrong_arguments_are_refused(config, wrong):
    with pytest.raises(SystemExit) as error:
        tool.parse_args([config, '-o', 'x.json', *wrong])
    assert error.value.code == 2


def test_a_config_that_is_no_search_is_refused(tmp_path, monkeypatch, capsys):
    path = tmp_path / 'config.py'
    backbone = "dict(type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2')"
    path.write_text(f'model = dict(backbone={backbone})\ntrain_cfg = dict(max_epochs=1)\n')
    monkeypatch.setattr(sys, 'argv', ['x', str(path), '-o', str(tmp_path / 'latency.json')])
    assert tool.main() == 2
    assert 'must be of a search' in capsys.readouterr().err


def test_a_card_must_be_there(config, monkeypatch, capsys):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr(sys, 'argv', ['x', config, '-o', 'x.json', '--device', 'cuda'])
    assert tool.main() == 2
    assert 'needs a graphics card' in capsys.readouterr().err
