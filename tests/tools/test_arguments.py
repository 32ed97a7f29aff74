"""Wrong command lines of every tool: one message, status 2, and no toolbox imported for it."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmtransfer.tools import _arguments

ROOT = Path(__file__).resolve().parents[2]
TOOLS = sorted(p.name for p in (ROOT / 'tools').glob('[a-z]*.py'))

# Runs the tools one after the other and prints what each said, how it ended, what was imported.
RUNNER = """
import contextlib, io, json, runpy, sys
calls, results = json.loads(sys.stdin.read()), []
for tool, arguments in calls:
    sys.argv = [tool, *arguments]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            runpy.run_path(f'tools/{tool}', run_name='__main__')
            code = None
        except SystemExit as end:
            code = end.code
    results.append((code, said.getvalue()))
heavy = [m for m in ('torch', 'mmengine', 'mmcv', 'matplotlib') if m in sys.modules]
print(json.dumps((results, heavy)))
"""


def call_all(calls):
    """(status, output) of each (tool, arguments), and the heavy modules that were imported."""
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, '-c', RUNNER], input=json.dumps(calls), cwd=ROOT, env=env,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('files')
    for name in ('c.py', 'w.pth', 'text'):
        (folder / name).touch()
    return {n: str(folder / n) for n in ('c.py', 'w.pth', 'text', 'gone.py', 'gone.pth')} | {
        'folder': str(folder)
    }


def test_a_config_of_the_package_is_named_as_in_a_base():
    found = Path(_arguments.config_file('mmtransfer::fna/retinanet_mbv2_search.py'))
    assert found.samefile(ROOT / 'configs/fna/retinanet_mbv2_search.py')
    with pytest.raises(argparse.ArgumentTypeError, match=r"must exist; .*fna/gone\.py'"):
        _arguments.config_file('mmtransfer::fna/gone.py')


def test_help_is_answered_at_once():
    assert len(TOOLS) == 14
    results, heavy = call_all([(tool, ['--help']) for tool in TOOLS])
    assert heavy == []
    for tool, (code, said) in zip(TOOLS, results, strict=True):
        assert code == 0 and f'usage: {tool}' in said and '--debug' in said, tool


def test_no_arguments_are_refused_at_once():
    needing = [t for t in TOOLS if t != 'demo.py']
    results, heavy = call_all([(tool, []) for tool in needing])
    assert heavy == []
    for tool, (code, said) in zip(needing, results, strict=True):
        assert code == 2 and f'{tool}: error: the following arguments are required' in said


def test_hurried_arguments_are_refused_at_once(files):
    config, weights, folder = files['c.py'], files['w.pth'], files['folder']
    cases = [
        ('train.py', [files['gone.py']], 'the config must exist'),
        ('train.py', [weights], 'a config was expected'),
        ('train.py', [folder], 'is a folder'),
        ('train.py', [''], 'received an empty name'),
        ('test.py', [config, ''], 'received an empty name'),
        ('train.py', [files['text']], 'must be a file that ends in .py'),
        ('train.py', ['--cfg-options', 'a=1', config], 'put the files before them'),
        ('train.py', [config, '--cfg-options', 'max_epochs', '3'], 'must read KEY=VALUE'),
        ('train.py', [config, '--work-dir', weights], 'is a file'),
        ('train.py', [config, '--work-dir', ''], 'received an empty name'),
        ('train.py', [config, '--launcher', 'mine'], 'invalid choice'),
        ('train.py', [config, '--resume', files['gone.pth']], 'the checkpoint must exist'),
        ('train.py', [config, '--resume', config], 'a checkpoint was expected'),
        ('test.py', [weights, config], 'Are the arguments in another order?'),
        ('test.py', [config, config], 'a checkpoint was expected'),
        ('test.py', [config, files['gone.pth']], 'the checkpoint must exist'),
        ('test.py', [config, weights, '--json', folder], 'the output must be a file'),
        ('derive.py', [config, weights, '-o', folder], 'the output must be a file'),
        ('derive.py', [config, weights, '-o', f'{weights}/a.json'], 'is a file'),
        ('derive.py', [config, weights, '-o', ''], 'the output must be a file'),
        ('adapt.py', [config, files['gone.py']], 'the config must exist'),
        ('adapt.py', [config, config, '--processes', '0'], 'at least 1'),
        ('adapt.py', [config, config, '--seed', weights], 'a config was expected'),
        ('get_cost.py', [config, '--shape', '0', '8'], 'at least 1'),
        ('get_cost.py', [config, '--shape', 'x', '8'], 'must be a whole number'),
        ('measure_latency.py', [config, '-o', 'x.json', '--repeats', '0'], 'at least 1'),
        ('measure_latency.py', [config, '-o', 'x.json', '--device', 'tpu'], 'invalid choice'),
        ('rank.py', [config, weights, '--top', '0'], 'at least 1'),
        ('rank.py', [config, weights, '--samples', '0'], 'at least 1'),
        ('rank.py', [config, weights, '--held-out', '-3'], 'at least 1'),
        ('rank.py', [config, weights, '--blocks', '6', '--cost', '1e9'], 'cannot be combined'),
        ('make_toy_data.py', [files['text']], 'is a file'),
        ('make_toy_data.py', ['x', '--train', '-1'], 'at least 1'),
        ('make_toy_data.py', ['x', '--size', '0', '0'], 'at least 16'),
        ('make_toy_data.py', ['x', '--seed', '-1'], 'at least 0'),
        ('receptive_field.py', ['resnet18', '-o', 'x.png', '--runs', '0'], 'at least 1'),
        ('receptive_field.py', ['resnet18', '-o', 'x.png', '--box', '2'], 'must lie in (0, 1]'),
        ('receptive_field.py', ['resnet18', '-o', folder], 'the output must be a file'),
        ('plot_architecture.py', ['resnet18', '-o', 'x.foo'], 'must end in one of .png'),
        ('plot_curves.py', [folder, '-o', 'x'], 'must end in one of .png'),
        ('plot_architecture.py', ['resnet18', '-o', folder], 'the output must be a file'),
        ('plot_architecture.py', ['resnet18', '--shape', '-1', '5', '-o', 'x.png'], 'at least 1'),
        ('plot_chain.py', [folder, '-o', 'x.png', '--cost', 'watt'], 'invalid choice'),
        ('plot_chain.py', [folder, folder, '-o', 'x.png'], 'different labels'),
        ('plot_curves.py', [folder, '-o', 'x.png', '--label', 'a', 'b'], 'as many labels'),
        ('plot_transfer.py', ['a', 'b', '-o', 'x.png', '--named', '-1'], 'at least 0'),
    ]  # fmt: skip
    results, heavy = call_all([(tool, arguments) for tool, arguments, _ in cases])
    assert heavy == []
    for (tool, arguments, message), (code, said) in zip(cases, results, strict=True):
        assert code == 2, (tool, arguments, said)
        assert message in said and f'{tool}: error:' in said, (tool, arguments, said)
        assert 'Traceback' not in said


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(argparse.ArgumentTypeError, match='may write into'):
        _arguments.folder(str(tmp_path / 'new'))
    with pytest.raises(argparse.ArgumentTypeError, match='may write into'):
        _arguments.output_file(str(tmp_path / 'x.json'))


def test_addresses_are_no_paths():
    assert _arguments.checkpoint('https://x.org/a.pth') == 'https://x.org/a.pth'


@pytest.mark.parametrize(
    ('script', 'arguments', 'message'),
    [
        ('dist_train.sh', [], '2 arguments are needed, 0 given'),
        ('dist_train.sh', ['2', 'setup.py'], 'PROCESSES must be a number'),
        ('dist_train.sh', ['setup.py', '0'], 'PROCESSES must be a number'),
        ('dist_train.sh', ['gone.py', '2'], "there is no 'gone.py'"),
        ('dist_test.sh', ['setup.py', '2'], '3 arguments are needed, 2 given'),
        ('dist_test.sh', ['setup.py', 'gone.pth', '2'], "there is no 'gone.pth'"),
        ('slurm_train.sh', ['a', 'b', 'gone.py', 'w'], "there is no 'gone.py'"),
    ],
)
def test_scripts_say_how_they_are_called(script, arguments, message):
    command = ['bash', str(ROOT / 'tools' / script), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr
    assert 'Usage: ' in done.stderr and script in done.stderr.splitlines()[-1]
