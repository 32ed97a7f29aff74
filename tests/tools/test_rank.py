"""tools/rank.py on a tiny search: the file is the cache, the table shows the best."""

import dataclasses
import json
import re
import sys
from pathlib import Path

import pytest

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.cost.table import cost_table
from mmtransfer.scoring.held_out import HeldOut
from mmtransfer.search import Scores, ScoresError, derive_from_checkpoint
from mmtransfer.spaces import closest_to_seed
from mmtransfer.tools import _ranking, rank
from tests.engine.test_search_loop import run
from tests.engine.tiny import search_config

CONFIG = __file__  # the path of any file of Python


@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    compat.apply()
    folder = tmp_path_factory.mktemp('rank')
    config = search_config(folder / 'search')
    config.train_cfg.evaluation = None
    config.dump(str(folder / 'config.py'))
    run(config)
    return folder


def test_a_wrapped_detector(tmp_path):
    """Its supernet is derived and scored, whatever file it began with."""
    compat.apply()
    config = search_config(tmp_path / 'search', epochs=2, wrapped=True)
    backbone = config.model.detector.backbone
    run(config)
    written = Architecture.read(tmp_path / 'search/architecture.json')
    assert derive_from_checkpoint(config, tmp_path / 'search') == written
    digests = set()
    for name in ('missing.pth', 'gone.pth'):
        backbone.init_cfg = dict(type='mmtransfer.Remap', checkpoint=name)
        config.dump(str(tmp_path / 'config.py'))
        found = ranked(tmp_path, tmp_path / 'scores.json')  # the second takes those of the first
        assert len(found.values) == 4
        digests.add(found.evaluation['model'])
    assert len(digests) == 1


@pytest.fixture
def evaluated(monkeypatch):
    calls, call = [], HeldOut.__call__
    monkeypatch.setattr(HeldOut, '__call__', lambda s, a: calls.append(a) or call(s, a))
    return calls


def ranked(folder, output, *arguments):
    args = [str(folder / 'config.py'), str(folder / 'search'), '-o', str(output)]
    args += ['--work-dir', str(folder / 'rank'), '--bn-iterations', '2', '--samples', '4']
    parsed = rank.parse_args([*args, *arguments])
    return _ranking.rank(parsed)


def test_never_twice_and_the_best_first(searched, evaluated, tmp_path):
    output = tmp_path / 'scores.json'
    first = ranked(searched, output)
    assert len(evaluated) == len(first.values) == 4
    again = ranked(searched, output)
    assert len(evaluated) == 4 and again.values == first.values
    more = ranked(searched, output, '--samples', '6')
    assert len(evaluated) == 6 and set(first.values) < set(more.values)

    file = json.loads(output.read_text())['candidates']
    scores = [c['score'] for c in file]
    assert scores == sorted(more.values.values()) and all(c['cost']['madds'] > 0 for c in file)
    lines = _ranking.table(more, 3).splitlines()
    assert len(lines) == 5
    assert lines[2].split()[:3] == ['1', f'{scores[0]:.6g}', f'{file[0]["cost"]["madds"]:,}']


def test_the_file_lies_in_the_work_directory_by_default():
    args = rank.parse_args([CONFIG, '.', '--work-dir', 'here'])
    assert args.output == Path('here/ranking.json')
    assert rank.parse_args([CONFIG, '.']).output == Path('work_dirs/test_rank_rank/ranking.json')


def test_the_table_has_every_cost_that_was_counted(searched, tmp_path):
    scores = ranked(searched, tmp_path / 'scores.json')
    found = scores.ranking()[0]
    timed = dataclasses.replace(found, cost={'latency_ms': 1.23456, **found.cost})
    known = Scores(scores.space, scores.rule, scores.evaluation, {timed: 0.5})
    header, _, row = _ranking.table(known, 1).splitlines()
    assert header.split() == ['rank', 'score', 'madds', 'params', 'latency_ms', 'architecture']
    cost = [f'{found.cost[key]:,}' for key in ('madds', 'params')]
    assert row.split()[:5] == ['1', '0.5', *cost, '1.235']


def test_samples_of_one_cost(searched, tmp_path):
    arguments = ('--cost', '1.7e6', '--tolerance', '0.03')
    scores = ranked(searched, tmp_path / 'cost.json', *arguments)
    assert all(abs(a.cost['madds'] / 1.7e6 - 1) <= 0.03 for a in scores.values)
    scores = ranked(searched, tmp_path / 'seed.json', '--cost', 'seed', '--tolerance', '0.03')
    seed = cost_table(scores.space, (32, 32)).of(closest_to_seed(scores.space))
    assert len(scores.values) == 4 and seed > 1e6
    assert all(abs(a.cost['madds'] / seed - 1) <= 0.03 for a in scores.values)


def test_a_metric_and_a_file_of_another_evaluation(searched, tmp_path):
    output = tmp_path / 'scores.json'
    arguments = ('--metric', 'ones', '--rule', 'less', '--held-out', '4')
    scores = ranked(searched, output, *arguments)
    assert set(scores.values.values()) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    with pytest.raises(ScoresError, match="metric: 'ones' there, 'loss' here"):
        ranked(searched, output)


def test_scores_that_tell_nothing_apart(searched, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_ranking.HeldOut, '__call__', lambda held_out, architecture: 0.5)
    scores = ranked(searched, tmp_path / 'scores.json')
    said = capsys.readouterr().err
    assert f'score alike in 1 of 1 comparisons (such as 0.5 for {len(scores.values)} of' in said


def test_a_checkpoint_of_another_space(searched, tmp_path):
    args = rank.parse_args([str(searched / 'config.py'), str(searched / 'search'), '-o', 'x.json'])
    args.work_dir = str(tmp_path)
    args.cfg_options = ['model.backbone.kernels=(3,7)']
    with pytest.raises(ValueError, match='must be of one search space'):
        _ranking.rank(args)


@pytest.mark.parametrize('kind', ['mmtransfer.SeededTrainLoop', None])
def test_a_config_without_a_search(searched, tmp_path, monkeypatch, capsys, kind):
    """A supernet trained on the source; said before any model is built."""
    config = search_config(tmp_path)
    config.train_cfg = dict(type=kind, max_epochs=1) if kind else dict(by_epoch=True, max_epochs=1)
    config.dump(str(tmp_path / 'config.py'))
    monkeypatch.setattr(_ranking.Runner, 'from_cfg', lambda cfg: pytest.fail('built'))
    arguments = [str(tmp_path / 'config.py'), str(searched / 'search'), '-o', 'x.json']
    monkeypatch.setattr(sys, 'argv', ['rank.py', *arguments])
    assert rank.main() == 2
    said = capsys.readouterr().err
    assert re.search(f'of a search, .*received {kind!r}.*GreedyBlockSearchLo', said)


def test_the_tool_prints_and_writes(searched, tmp_path, monkeypatch, capsys):
    files = ['-o', str(tmp_path / 's.json'), '--architectures', str(tmp_path / 'best')]
    config = [str(searched / 'config.py'), str(searched / 'search')]
    options = ['--work-dir', str(searched / 'main')]
    numbers = ['--top', '2', '--samples', '3', '--bn-iterations', '1']
    monkeypatch.setattr(sys, 'argv', ['rank.py', *config, *files, *numbers, *options])
    assert rank.main() == 0
    out = capsys.readouterr().out
    assert 'architecture' in out and 'all scores' in out
    best = Architecture.read(tmp_path / 'best/rank_01.json')
    first = json.loads((tmp_path / 's.json').read_text())['candidates'][0]
    assert list(best.as_dict.values()) == first['options'] and best.cost == first['cost']
    assert (tmp_path / 'best/rank_02.json').exists()


@pytest.fixture(scope='module')
def depth_searched(tmp_path_factory):
    from tests.engine.test_greedy_search import greedy_config

    compat.apply()
    folder = tmp_path_factory.mktemp('depth')
    config = greedy_config(folder / 'search', dict(blocks=5))
    config.dump(str(folder / 'config.py'))
    run(config)
    return folder


def test_all_allocations_of_one_size(depth_searched, tmp_path, monkeypatch, capsys):
    """All seven when more were asked for than there are; a draw of them otherwise."""
    blocks = ('--blocks', '6')
    few = ranked(depth_searched, tmp_path / 'six.json', *blocks)
    assert len(few.values) == 4
    scores = ranked(depth_searched, tmp_path / 'six.json', *blocks, '--samples', '50')
    sizes = {sum(int(o) for _, o in a.options) for a in scores.values}
    assert sizes == {6} and len(scores.values) == 7 and set(few.values) < set(scores.values)
    assert '1 | 1 | ' in _ranking.table(scores, 9)

    # The chain ends at five blocks; all four of them were scored in the search.
    five = ranked(depth_searched, tmp_path / 'five.json', '--blocks', '5')
    said = _ranking.place_in_chain(str(depth_searched / 'search'), 5, five)
    assert said.startswith('greedy search kept number 1 of 4, ') and said.endswith('none is better')
    kept = five.ranking()[0]
    five.values[kept] = {'less': 1e9, 'greater': -1e9}[five.rule]
    said = _ranking.place_in_chain(str(depth_searched / 'search/iter_4.pth'), 5, five)
    assert 'number 4 of 4' in said and f'the best is {_ranking.short(five.ranking()[0])}' in said
    assert _ranking.place_in_chain(str(depth_searched), 5, five) == ''
    with pytest.raises(ValueError, match='between 4 .* and 9'):
        ranked(depth_searched, tmp_path / 'ten.json', '--blocks', '10')

    # A damaged chain is said last, when nothing can be lost.
    (tmp_path / 'chain').mkdir()
    (tmp_path / 'chain/architecture_05.json').write_text('{')
    monkeypatch.setattr(_ranking, 'rank', lambda args: five)
    arguments = [CONFIG, str(tmp_path), '--blocks', '5', '--architectures', str(tmp_path / 'best')]
    monkeypatch.setattr(sys, 'argv', ['rank.py', *arguments])
    assert rank.main() == 2
    assert 'the chain beside the checkpoint cannot be read' in capsys.readouterr().err
    assert Architecture.read(tmp_path / 'best/rank_01.json') == five.ranking()[0]
