"""Greedy block search in the loop: the chain, shared evaluation bit for bit, resuming."""

import copy
import itertools
import json
import random

import pytest
import torch

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.cost.table import cost_table
from mmtransfer.engine.candidate_phase import FILE
from mmtransfer.registry import METRICS
from mmtransfer.remap import RemapError
from mmtransfer.scoring.held_out import Evaluation, HeldOut
from mmtransfer.scoring.shared_prefixes import SharedHeldOut
from mmtransfer.search import ScoresError, SearchConfigError, derive_from_checkpoint
from mmtransfer.spaces import closest_to_seed, depth_space
from tests.engine.test_candidate_search import Dies, watch
from tests.engine.test_search_loop import assert_equal_states, run
from tests.engine.tiny import TinyAccuracy, search_config

MOST = [2, 2, 3, 2]


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


@METRICS.register_module()
class TinyAP(TinyAccuracy):
    """Some metrics, of which one is the score and one no number."""

    def compute_metrics(self, results):
        ones = float(sum(results)) / len(results)
        return {'ones': ones, 'bbox_mAP_s': ones / 2, 'bbox_mAP_l': 0.25, 'nan': float('nan')}


def greedy_config(work_dir, searcher=None, evaluation=None, **train_cfg):
    """4 weight steps, BN from 2 batches, a supernet of a narrow ResNet-18's blocks."""
    config = search_config(
        work_dir,
        epochs=2,
        arch_begin=None,
        searcher=dict(type='mmtransfer.GreedyBlockSearcher', **(searcher or dict(blocks=6))),
        regularisers=[],
        evaluation={'bn_iterations': 2, **(evaluation or {})},
    )
    config.train_cfg.type = 'mmtransfer.GreedyBlockSearchLoop'
    config.train_cfg.update(train_cfg)
    config.model.backbone = dict(
        type='mmtransfer.DepthSupernet', seed='narrow_resnet18', max_blocks=MOST, out_indices=(3,)
    )
    del config.optim_wrapper['arch'], config.param_scheduler['arch']
    config.val_evaluator = dict(type='mmtransfer.TinyAP')
    return config


def test_the_chain_is_written(tmp_path):
    """One file per size; shared evaluation, all metrics, files, and what a checkpoint derives."""
    config = greedy_config(tmp_path, evaluation=dict(metric='ones'))
    runner = run(copy.deepcopy(config))
    loop = runner.train_loop
    assert [loop.searcher.size(a) for a in loop.searcher.chain] == [4, 5, 6]
    assert len(loop.searcher.told) == loop.searcher.candidates <= 1 + 2 * 4
    entries = json.loads((tmp_path / 'chain.json').read_text())
    for entry, kept in zip(entries, loop.searcher.chain, strict=True):
        written = Architecture.read(tmp_path / entry['file'])
        assert written == kept and written.cost == entry['cost']
        assert entry['cost']['madds'] == loop.table.of(kept)
        assert entry['metric'] == 'ones'
        assert entry['score'] == entry['metrics']['ones'] == loop.scores.values[kept]
        assert entry['metrics'].keys() == {'ones', 'bbox_mAP_s', 'bbox_mAP_l'}
        best = max(c['score'] for c in entry['candidates'])
        assert entry['score'] == best
    table = (tmp_path / 'chain.md').read_text()
    assert 'AP small' in table and 'AP large' in table and '[1, 1, 1, 1]' in table
    assert (tmp_path / 'chain.png').stat().st_size > 1000
    largest = Architecture.read(tmp_path / 'architecture.json')
    assert largest == loop.searcher.chain[-1] == runner.model.backbone.selection
    assert derive_from_checkpoint(config, tmp_path) == largest
    assert 0 < loop.candidates.scorer.blocks.run < loop.candidates.scorer.blocks.alone


@pytest.mark.parametrize(
    ('searcher', 'options'),
    [
        ('Differentiable', {}),
        ('Random', dict(candidates=3)),
        ('Evolution', dict(population=3, generations=2, parents=2)),
    ],
)
def test_any_other_search_can_use_this_space(tmp_path, searcher, options):
    """Within a bound; a differentiable one needs logits, and says so."""
    config = greedy_config(tmp_path)
    config.train_cfg.type = 'mmtransfer.SearchLoop'
    config.train_cfg.searcher = dict(type=f'mmtransfer.{searcher}Searcher', **options)
    space = depth_space('narrow_resnet18', MOST)
    seed = cost_table(space, tuple(config.train_cfg.input_size)).of(closest_to_seed(space))
    config.train_cfg.searcher.target = seed
    if searcher == 'Differentiable':
        tiny = search_config(tmp_path, epochs=2)
        config.train_cfg.arch_begin = 1
        del config.train_cfg.evaluation
        with pytest.raises(SearchConfigError, match='needs a supernet with logits.*=True'):
            run(copy.deepcopy(config))
        config.model.backbone.differentiable = True
        config.optim_wrapper, config.param_scheduler = tiny.optim_wrapper, tiny.param_scheduler
    runner = run(config)
    found = Architecture.read(tmp_path / 'architecture.json')
    assert found.space == 'depth' and found.cost['madds'] == runner.train_loop.table.of(found)
    assert abs(found.cost['madds'] / seed - 1) < 0.1


@pytest.mark.parametrize(('metric', 'channels_last'), [('loss', False), ('ones', True)])
def test_shared_scores_are_those_of_one_by_one(tmp_path, metric, channels_last):
    """Bit for bit, with dropout in the loss, and the model is left as it was."""
    config = greedy_config(tmp_path, dict(blocks=4), dict(metric=metric))
    config.model.backbone.channels_last = channels_last
    runner = run(config)
    loop, space = runner.train_loop, runner.model.backbone.space
    settings = Evaluation(metric=metric, bn_iterations=3)
    alone, shared = (
        HeldOut(loop.scoring_inputs(), settings),
        SharedHeldOut(loop.scoring_inputs(), settings),
    )
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    modes = [m.training for m in runner.model.modules()]
    step = [space.architecture(o) for o in ('2121', '1221', '1131', '1122')]
    others = [space.sample(random.Random(i)) for i in range(3)]
    for candidates in (step, step[::-1], list(dict.fromkeys(others))):
        together = shared.together(candidates)
        for candidate in candidates:
            score = alone(candidate)
            assert together[candidate] == (score, alone.metrics)
    assert_equal_states(before, runner.model.state_dict())
    assert [m.training for m in runner.model.modules()] == modes
    assert not any('forward' in vars(m) for m in runner.model.modules())


def test_block_evaluations_of_a_step(tmp_path):
    """[1, 1, 2, 1] and one more: 4 x 6 one by one."""
    runner = run(greedy_config(tmp_path, dict(blocks=4)))
    space = runner.model.backbone.space
    shared = SharedHeldOut(runner.train_loop.scoring_inputs(), Evaluation(bn_iterations=1))
    shared.together([space.architecture(o) for o in ('2121', '1221', '1131', '1122')])
    batches = 1 + 2  # of the statistics, of the held-out part
    # 2121 whole; 1221 after its first block, 1131 after two blocks, 1122 after four.
    assert (shared.blocks.run, shared.blocks.alone) == (batches * (6 + 5 + 4 + 2), batches * 24)


def test_what_was_written_into_is_not_used_again(tmp_path):
    """A head that changes its features in place gets fresh ones in every turn."""
    runner = run(greedy_config(tmp_path, dict(blocks=4)))
    loop, model = runner.train_loop, runner.model
    model.backbone.register_forward_hook(lambda module, args, out: (out[-1].mul_(0.5),))
    settings = Evaluation(bn_iterations=1)
    alone, shared = (
        HeldOut(loop.scoring_inputs(), settings),
        SharedHeldOut(loop.scoring_inputs(), settings),
    )
    space = model.backbone.space
    step = [space.architecture(o) for o in ('1121', '1122', '1131')]
    together = shared.together(step)
    assert [together[c][0] for c in step] == [alone(c) for c in step]
    # 1122 begins after four blocks, not after the five of 1121, whose end was written into.
    assert (shared.blocks.run, shared.blocks.alone) == (3 * (5 + 2 + 2), 3 * 17)


@pytest.mark.parametrize('shared', [False, None])
def test_stopped_half_way_it_goes_on(tmp_path, monkeypatch, shared):
    with monkeypatch.context() as patch:
        whole = watch(patch)
        run(greedy_config(tmp_path / 'whole', shared_evaluation=shared))
    with monkeypatch.context() as patch:
        watch(patch, 4)  # where all of a step are scored at its first, the others were known
        if shared is None:
            call, calls = SharedHeldOut.__call__, []

            def dies(held_out, architecture):
                calls.append(architecture)
                if len(calls) == 4:
                    raise Dies
                return call(held_out, architecture)

            patch.setattr(SharedHeldOut, '__call__', dies)
        with pytest.raises(Dies):
            run(greedy_config(tmp_path / 'part', shared_evaluation=shared))
    known = len(json.loads((tmp_path / 'part' / FILE).read_text())['candidates'])
    assert known == 3
    resumed = greedy_config(tmp_path / 'part', shared_evaluation=shared)
    resumed.resume = True
    torch.manual_seed(999)
    calls = watch(monkeypatch)
    run(resumed)
    if shared is False:
        assert calls == whole[3:]
    for name in (FILE, 'chain.json', 'chain.md'):
        assert (tmp_path / 'part' / name).read_text() == (tmp_path / 'whole' / name).read_text()
    # What was scored before the stop is in the chain with all that is noted of it, too.
    files = sorted((tmp_path / 'whole/chain').glob('*.json'))
    assert len(files) == 3
    for file in files:
        one, two = (Architecture.read(f) for f in (file, tmp_path / 'part/chain' / file.name))
        assert one == two and (two.input_size, two.output_stride) == ((32, 32), 32)
        assert one.cost == two.cost and two.provenance['finished'] is True
        assert {**one.provenance, 'config': ''} == {**two.provenance, 'config': ''}


def test_a_larger_bound_goes_on_where_the_smaller_ended(tmp_path, monkeypatch):
    run(greedy_config(tmp_path / 'whole', dict(blocks=7)))
    run(greedy_config(tmp_path / 'part', dict(blocks=5)))
    known = json.loads((tmp_path / 'part' / FILE).read_text())['candidates']
    more = greedy_config(tmp_path / 'part', dict(blocks=7), shared_evaluation=False)
    more.resume = True
    calls = watch(monkeypatch)
    run(more)
    every = json.loads((tmp_path / 'whole' / FILE).read_text())['candidates']
    assert len(calls) == len(every) - len(known) > 0
    for name in ('chain.json', 'chain.md'):
        assert (tmp_path / 'part' / name).read_text() == (tmp_path / 'whole' / name).read_text()


def test_any_space_with_an_order(tmp_path):
    """Operations of FNA++'s space, one step up in cost at a time, each candidate by itself."""
    config = greedy_config(tmp_path, dict(order='cost', blocks=9))
    tiny = search_config(tmp_path)
    config.model.backbone = tiny.model.backbone
    config.optim_wrapper, config.param_scheduler = tiny.optim_wrapper, tiny.param_scheduler
    runner = run(config)
    loop = runner.train_loop
    chain = loop.searcher.chain
    costs = [loop.table.of(kept) for kept in chain]
    assert [loop.searcher.size(kept) for kept in chain] == [7, 8, 9] and costs == sorted(costs)
    assert Architecture.read(tmp_path / 'chain/architecture_09.json') == chain[-1]
    for before, after in itertools.pairwise(chain):
        assert sum(a != b for a, b in zip(before.options, after.options, strict=True)) == 1


def test_another_loop_writes_and_derives_the_same_network(tmp_path):
    """The largest one, which need not have the best score."""
    config = greedy_config(tmp_path)
    config.train_cfg.type = 'mmtransfer.SearchLoop'
    loop = run(copy.deepcopy(config)).train_loop
    sizes = {loop.searcher.size(a) for a in loop.searcher.told}
    assert sizes == {4, 5, 6}
    written = Architecture.read(tmp_path / 'architecture.json')
    assert written == derive_from_checkpoint(config, tmp_path) == loop.searcher.chain[-1]


def test_it_says_where_it_was_not_the_best(tmp_path):
    """A network of two blocks more, scored by an earlier search, against the chain's."""
    config = greedy_config(tmp_path, shared_evaluation=False)
    loop = run(copy.deepcopy(config)).train_loop
    space = loop.supernet.space
    beaten = loop.searcher.chain[-1]
    rivals = [space.architecture(o) for o in ('2211', '2121', '1131', '1122')]
    rival = next(r for r in rivals if r not in loop.scores.values)
    file = json.loads((tmp_path / FILE).read_text())
    file['candidates'].append({**file['candidates'][0], 'options': list(rival.as_dict.values())})
    file['candidates'][-1]['score'] = -1.0  # of a loss
    (tmp_path / FILE).write_text(json.dumps(file))
    config.resume = True
    run(config)
    last = json.loads((tmp_path / 'chain.json').read_text())[-1]
    assert last['better'] == {'options': list(rival.as_dict.values()), 'score': -1.0}
    log = max(tmp_path.glob('*/*.log')).read_text()
    assert f'not optimal at 6 blocks: [{", ".join(beaten.as_dict.values())}] scores' in log


def test_what_a_checkpoint_does_not_hold_is_not_derived(tmp_path):
    config = greedy_config(tmp_path)
    run(copy.deepcopy(config))
    other = copy.deepcopy(config)
    other.model.backbone.max_blocks = [2, 2, 2, 2]
    with pytest.raises(RemapError, match='of one search space'):
        derive_from_checkpoint(other, tmp_path)
    with pytest.raises(ScoresError, match='scores its candidates after the last epoch'):
        derive_from_checkpoint(config, tmp_path / 'iter_2.pth')


def test_wrong_settings_are_refused(tmp_path):
    other = greedy_config(tmp_path)
    other.train_cfg.searcher = dict(type='mmtransfer.RandomSearcher', candidates=2)
    with pytest.raises(SearchConfigError, match='GreedyBlockSearcher'):
        run(other)
    ordered = greedy_config(tmp_path, dict(order='cost'), shared_evaluation=True)
    base = search_config(tmp_path)
    ordered.model, ordered.optim_wrapper = base.model, base.optim_wrapper
    ordered.param_scheduler = base.param_scheduler
    with pytest.raises(SearchConfigError, match='DepthSupernet'):
        run(ordered)
