"""A search on a GPU: ``make gpu``. With ``--device cpu`` the same runs on a CPU in its place."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.cost.latency import read_latency, write_latency
from mmtransfer.tools import measure_latency
from tests.engine.test_processes import run_ranks
from tests.engine.test_search_loop import tensors
from tests.engine.tiny import search_config

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.cuda


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def half_precision(folder, **changes):
    """A search in float16 with a loss scale that moves."""
    config = search_config(folder, **changes)
    for part in ('weights', 'arch'):
        config.optim_wrapper[part].type = 'AmpOptimWrapper'
        config.optim_wrapper[part].update(
            dtype='float16', loss_scale=dict(init_scale=16.0, growth_interval=2)
        )
    return config


def train(config):
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def placed(runner):
    """The devices of everything that a search computes with."""
    supernet, loop = runner.model.backbone, runner.train_loop
    states = [
        value
        for wrapper in runner.optim_wrapper.values()
        for state in wrapper.optimizer.state.values()
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and name != 'step'  # torch keeps Adam's on the CPU
    ]
    chosen = [torch.softmax(logits, 0) for logits in supernet.logits]
    probabilities = dict(zip(loop.table.entries, chosen, strict=True))
    tensors = [
        *runner.model.parameters(),
        *runner.model.buffers(),
        *states,
        loop.table.expected(probabilities),
    ]
    return {tensor.device.type for tensor in tensors}


def test_everything_lies_on_the_device(tmp_path, device):
    runner = train(search_config(tmp_path))
    assert placed(runner) == {device}
    assert runner.train_loop.derive() is not None
    assert (tmp_path / 'architecture.json').exists()


def test_float16_is_trained_saved_and_resumed(tmp_path, device):
    runner = train(half_precision(tmp_path / 'whole'))
    assert placed(runner) == {device}
    config = half_precision(tmp_path / 'resumed')
    config.resume, config.load_from = True, str(tmp_path / 'whole/iter_3.pth')
    train(config)
    files = [tmp_path / f'{name}/iter_6.pth' for name in ('whole', 'resumed')]
    whole, resumed = (tensors(file) for file in files)
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        # A GPU sums in any order: close there, equal on the CPU.
        kwargs = dict(rtol=0, atol=0) if device == 'cpu' else dict(rtol=0.02, atol=0.01)
        torch.testing.assert_close(torch.as_tensor(resumed[name]), torch.as_tensor(value), **kwargs)
    scalers = [
        torch.load(file, weights_only=True)['optimizer']['weights']['loss_scaler'] for file in files
    ]
    assert scalers[0] == scalers[1] and scalers[0]['scale'] > 0


def test_a_latency_table_is_measured_and_searched_with(tmp_path, device):
    path, table_file = tmp_path / 'search.py', tmp_path / 'latency.json'
    search_config(tmp_path / 'unused').dump(str(path))
    args = measure_latency.parse_args(
        [str(path), '-o', str(table_file), '--repeats', '2', '--device', device]
    )
    table, stamp, _, whole = measure_latency.measure(args)
    assert whole > 0 and stamp.device == device
    assert all(ms > 0 for costs in table.entries.values() for o, ms in costs.items() if o != 'skip')
    write_latency(table_file, table, stamp)
    again, _ = read_latency(table_file, table.space, input_size=(32, 32), dtype='float32', batch=1)
    assert again.entries == table.entries
    config = search_config(
        tmp_path / 'run', epochs=2, metric='latency', latency_table=str(table_file)
    )
    found = train(config).train_loop.derive()
    assert json.loads((tmp_path / 'run/architecture.json').read_text())['options'] == found.as_dict


@pytest.mark.cuda(devices=2)
def test_two_processes_take_the_same_paths(tmp_path):
    run_ranks(tmp_path / 'run')
    lines = [(tmp_path / f'run/selections.{r}.txt').read_text() for r in (0, 1)]
    assert lines[0] == lines[1] and len(lines[0].splitlines()) == 6
