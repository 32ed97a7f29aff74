"""A user's mistake ends with one message, a fault of a program with its traceback."""

from argparse import Namespace

import pytest
from mmengine.config import ConfigDict
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch import nn

from mmtransfer.architecture import Architecture
from mmtransfer.cost.conventions import find_convention
from mmtransfer.tools._errors import UserError, explanation, run_tool
from mmtransfer.tools._stages import StageError

PARTS = Registry('part')


@PARTS.register_module()
class Whole:
    def __init__(self, part, wrong=False):
        self.part = PARTS.build(part)
        if wrong:
            raise AssertionError('wrong must be False')


@PARTS.register_module()
class Part:
    def __init__(self, size):
        self.size = size


def raised(call):
    with pytest.raises(Exception) as caught:  # noqa: B017
        call()
    return explanation(caught.value)


def build(**cfg):
    return raised(lambda: PARTS.build(ConfigDict(cfg)))


def test_a_constructor_that_is_called_with_what_a_config_says_is_named():
    assert build(type='Hole').startswith('Hole cannot be built from its config: Hole is not in')
    inner = build(type='Whole', part=dict(type='Part', sise=1))
    assert inner.startswith('Part cannot be built from its config: ') and "'sise'" in inner
    assert 'Part cannot' in build(type='Whole', part=dict(type='Part'))
    outer = build(type='Whole', part=dict(type='Part', size=1), wrong=True)
    assert outer.startswith('Whole cannot be built from its config: wrong must be False')
    assert 'Part cannot' in build(type=Whole, part=dict(type=Part))
    assert 'the key "type"' in build(part=1)


def test_our_own_errors_are_told_as_they_are(tmp_path):
    assert 'a.json' in raised(lambda: Architecture.read(tmp_path / 'a.json'))
    assert raised(lambda: find_convention('mine')).startswith('the convention must be one of')


def test_files_and_modules_are_named(tmp_path, monkeypatch):
    said = raised(lambda: open(tmp_path / 'gone'))
    assert said == f"'{tmp_path}/gone': No such file or directory"
    monkeypatch.chdir(tmp_path)
    said = raised(lambda: open('gone'))
    assert said == f"'gone': No such file or directory (working directory '{tmp_path}')"
    assert raised(lambda: open(tmp_path)) == f"'{tmp_path}': Is a directory"
    assert raised(lambda: __import__('nowhere')) == "No module named 'nowhere'"


def test_what_the_runner_says_of_its_settings(tmp_path):
    train_cfg = dict(by_epoch=True, max_epochs=1)
    said = raised(lambda: Runner(nn.Identity(), str(tmp_path), train_cfg=train_cfg))
    assert 'should be either all None or not None' in said and said.endswith(
        '(--debug shows where)'
    )


def test_an_error_of_a_worker_is_the_end_of_its_traceback():
    text = 'Caught OSError in DataLoader worker process 0.\nOriginal Traceback (most recent call '
    error = OSError(f"{text}last):\n  File 'x', line 1\nOSError: broken image 3.png\n")
    assert explanation(error) == 'OSError: broken image 3.png'
    lines = "  File 'x', line 1, in f\n    f(3)\n    ^^^^\nOSError: image 3.png:\n  broken\n"
    error = OSError(f'{text}last):\n{lines}')
    assert explanation(error) == 'OSError: image 3.png:\n  broken'


def test_faults_of_programs_are_none_of_the_users():
    def fault(error):
        raise error

    for error in (KeyError('x'), TypeError('x'), RuntimeError('x'), ValueError('x')):
        assert raised(lambda error=error: fault(error)) is None
    linear = nn.Linear(2, 2)
    assert raised(lambda: linear(nn.Linear(3, 3).weight)) is None


def test_the_end_of_a_tool(capsys, monkeypatch):
    def ends(error, **given):
        def run(args):
            raise error

        monkeypatch.setattr('sys.argv', ['/x/tool.py'])
        return run_tool(run, Namespace(debug=False, **given))

    assert ends(UserError('no')) == 2 and capsys.readouterr().err == 'tool.py: error: no\n'
    assert ends(StageError('end')) == 1 and capsys.readouterr().err == 'tool.py: error: end\n'
    assert ends(KeyboardInterrupt()) == 130 and capsys.readouterr().err == 'stopped\n'
    monkeypatch.setenv('RANK', '1')
    assert ends(UserError('no')) == 2
    assert capsys.readouterr().err == 'tool.py (process 1): error: no\n'
    with pytest.raises(RuntimeError, match='fault'):
        ends(RuntimeError('fault'))
    with pytest.raises(UserError):
        run_tool(lambda args: find_and_raise(), Namespace(debug=True))
    assert run_tool(lambda args: None, Namespace(debug=False)) == 0
    assert run_tool(lambda args: 3, Namespace(debug=False)) == 3


def find_and_raise():
    raise UserError('no')
