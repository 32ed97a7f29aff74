"""Random and evolutionary search in the loop: scores, resuming, what is written."""

import copy
import json
import math

import pytest
import torch
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.data.held_out import EvaluationError
from mmtransfer.data.loaders import EndlessSamplerError
from mmtransfer.engine.candidate_phase import FILE
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.scoring.held_out import Evaluation, HeldOut
from mmtransfer.search import ScoresError, SearchConfigError, TargetError, derive_from_checkpoint
from tests.engine.test_search_loop import assert_equal_states, run, tensors
from tests.engine.tiny import search_config

RANDOM = dict(type='mmtransfer.RandomSearcher', candidates=5)
EVOLUTION = dict(type='mmtransfer.EvolutionSearcher', population=3, generations=2, parents=2)


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def candidate_config(work_dir, searcher=RANDOM, epochs=2, evaluation=None, **train_cfg):
    """A tiny search by candidates: 2 weight steps an epoch, BN from 2 batches."""
    return search_config(
        work_dir,
        epochs=epochs,
        arch_begin=None,
        searcher=dict(searcher),
        regularisers=[],
        evaluation={'bn_iterations': 2, **(evaluation or {})},
        **train_cfg,
    )


class Dies(Exception):
    pass


def watch(monkeypatch, die_in=None):
    """Count evaluations; raise in one of them."""
    calls, call = [], HeldOut.__call__

    def counted(held_out, architecture):
        calls.append(architecture)
        if len(calls) == die_in:
            raise Dies
        return call(held_out, architecture)

    monkeypatch.setattr(HeldOut, '__call__', counted)
    return calls


@pytest.mark.parametrize('searcher', [RANDOM, EVOLUTION], ids=['random', 'evolution'])
def test_the_best_candidate_is_what_the_search_writes(tmp_path, monkeypatch, searcher):
    calls, validated, validate = watch(monkeypatch), [], SearchLoop._validate
    monkeypatch.setattr(
        SearchLoop, '_validate', lambda s: validated.append(s._epoch) or validate(s)
    )
    runner = run(candidate_config(tmp_path, searcher))
    assert validated == [1, 2]  # after the last epoch once, when there is a result
    scores = runner.train_loop.scores
    assert (
        len(calls) == len(set(calls)) == len(scores.values) == runner.train_loop.searcher.candidates
    )
    assert set(calls) == set(scores.values)
    best = min(scores.values, key=scores.values.__getitem__)
    written = Architecture.read(tmp_path / 'architecture.json')
    assert written == best == runner.model.backbone.selection
    assert written.cost == best.cost and written.cost['madds'] > 0
    file = json.loads((tmp_path / FILE).read_text())
    assert [c['score'] for c in file['candidates']] == sorted(scores.values.values())
    assert file['evaluation']['metric'] == 'loss'


@pytest.mark.parametrize('searcher', [RANDOM, EVOLUTION], ids=['random', 'evolution'])
@pytest.mark.parametrize('die_in', [1, 5])
def test_resumed_among_the_candidates_it_ends_the_same(tmp_path, monkeypatch, searcher, die_in):
    with monkeypatch.context() as patch:
        whole = watch(patch)
        run(candidate_config(tmp_path / 'whole', searcher))
    with monkeypatch.context() as patch:
        watch(patch, die_in)
        with pytest.raises(Dies):
            run(candidate_config(tmp_path / 'part', searcher))
    resumed = candidate_config(tmp_path / 'part', searcher)
    resumed.resume = True
    torch.manual_seed(999)
    calls = watch(monkeypatch)
    run(resumed)
    assert calls == whole[die_in - 1 :]
    one, two = ((tmp_path / d / FILE).read_text() for d in ('whole', 'part'))
    assert one == two
    states = [tensors(tmp_path / d / 'iter_4.pth') for d in ('whole', 'part')]
    assert_equal_states(*states)
    one, two = (Architecture.read(tmp_path / d / 'architecture.json') for d in ('whole', 'part'))
    assert one == two and one.cost == two.cost


def test_the_last_checkpoint_knows_the_scores_without_the_file(tmp_path, monkeypatch):
    run(candidate_config(tmp_path))
    (tmp_path / FILE).unlink()
    (tmp_path / 'architecture.json').unlink()
    again = candidate_config(tmp_path)
    again.resume = True
    calls = watch(monkeypatch)
    runner = run(again)
    assert not calls and len(runner.train_loop.scores.values) == 5
    assert (tmp_path / 'architecture.json').exists()


def test_candidates_of_another_bound_are_no_result_of_this_search(tmp_path):
    """The weights are the same, so the file's scores hold; but its best one costs too much."""
    loop = run(candidate_config(tmp_path)).train_loop
    limit = loop.table.of(loop.searcher.architecture()) - 1
    config = candidate_config(tmp_path, dict(RANDOM, maximum=limit))
    loop = run(copy.deepcopy(config)).train_loop
    assert len(loop.scores.values) > len(loop.searcher.told) == 5
    found = derive_from_checkpoint(config, tmp_path)
    assert found == Architecture.read(tmp_path / 'architecture.json')
    assert loop.table.of(found) <= limit


def test_a_checkpoint_of_another_evaluation_does_not_hide_the_file(tmp_path, monkeypatch):
    run(candidate_config(tmp_path))
    other = candidate_config(tmp_path, evaluation=dict(bn_iterations=1))
    other.resume = True
    with monkeypatch.context() as patch:
        calls = watch(patch, die_in=4)
        with pytest.raises(Dies):
            run(copy.deepcopy(other))
    calls = watch(monkeypatch)
    run(other)
    assert len(calls) == 2


def test_scores_follow_from_the_model_and_the_evaluator(tmp_path):
    """But not from where the weights began, or from how many processes read."""

    def follows(evaluation=None, **changes):
        config = candidate_config(tmp_path, evaluation=evaluation)
        runner = Runner.from_cfg(config)
        loop = runner.build_train_loop(config.train_cfg)
        runner.cfg.merge_from_dict(changes)
        return HeldOut(loop.scoring_inputs(), loop.evaluation).scores().evaluation

    loss = follows()
    assert follows(**{'val_dataloader.batch_size': 1}) == loss
    assert follows(**{'model.backbone.init_cfg': dict(type='Kaiming')}) == loss
    assert follows(**{'model.test_cfg': dict(a=1)}) != loss
    ones = follows(dict(metric='ones'))
    assert follows(dict(metric='ones'), **{'val_dataloader.num_workers': 0}) == ones
    assert follows(dict(metric='ones'), **{'val_dataloader.batch_size': 1}) != ones


def test_scores_of_other_weights_are_not_used(tmp_path, monkeypatch):
    run(candidate_config(tmp_path))
    calls = watch(monkeypatch)
    run(candidate_config(tmp_path, epochs=3))
    assert len(calls) == 5


def test_a_checkpoint_derives_and_tests_the_best_candidate(tmp_path):
    config = candidate_config(tmp_path / 'search')
    run(copy.deepcopy(config))
    written = Architecture.read(tmp_path / 'search/architecture.json')
    again = derive_from_checkpoint(config, tmp_path / 'search')
    assert again == written and again.cost == written.cost
    with pytest.raises(ScoresError, match='--resume'):
        derive_from_checkpoint(config, tmp_path / 'search/iter_1.pth')
    config.test_dataloader, config.test_cfg = config.val_dataloader, dict(type='TestLoop')
    config.test_evaluator, config.work_dir = config.val_evaluator, str(tmp_path / 'test')
    config.load_from = str(tmp_path / 'search/iter_4.pth')
    runner = Runner.from_cfg(config)
    runner.test()
    assert runner.model.backbone.selection == written


def test_a_score_depends_on_the_candidate_alone(tmp_path):
    """Evaluated again, after others, it is the same to the last bit; the model is as it was."""
    runner = run(candidate_config(tmp_path))
    loop, model = runner.train_loop, runner.model
    before = {k: v.clone() for k, v in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    held_out = HeldOut(loop.scoring_inputs(), loop.evaluation)
    for candidate, score in reversed(loop.scores.values.items()):
        assert held_out(candidate) == score
    assert_equal_states(before, model.state_dict())
    assert [m.training for m in model.modules()] == modes


def test_the_score_is_the_mean_loss_with_estimated_statistics(tmp_path):
    """Against the same by hand: statistics of the first batches, then evaluation mode."""
    from mmtransfer.scoring.bn import reestimate_bn

    runner = run(candidate_config(tmp_path))
    loop, model = runner.train_loop, runner.model
    candidate, score = next(iter(loop.scores.values.items()))
    with loop.supernet.evaluating(candidate):
        loop.dataloader.start_at(0, 0)
        model.drop.p = 0.0
        reestimate_bn(model, loop.dataloader, 2)
        model.eval()
        loop.arch_dataloader.start_at(0, 0)
        batches = [(b['inputs'], b['label']) for b in loop.arch_dataloader]
        with torch.no_grad():
            logits = torch.cat([model(i) for i, _ in batches])
    mean = torch.nn.functional.cross_entropy(logits, torch.cat([lab for _, lab in batches]))
    assert len(logits) == 8
    assert score == pytest.approx(mean.item(), rel=1e-6)


def test_a_metric_of_the_evaluator(tmp_path):
    evaluation = dict(metric='ones', rule='less')
    runner = run(candidate_config(tmp_path, evaluation=evaluation))
    scores = runner.train_loop.scores
    assert all(s in {i / 8 for i in range(9)} for s in scores.values.values())
    assert (scores.rule, scores.evaluation['metric']) == ('less', 'ones')


def test_samples_limit_what_is_scored(tmp_path):
    loop = run(candidate_config(tmp_path)).train_loop
    assert HeldOut(loop.scoring_inputs(), Evaluation(samples=3)).scorer.batches == 1
    assert HeldOut(loop.scoring_inputs(), Evaluation(metric='ones', samples=3)).scorer.size == 3


def test_an_unknown_metric_stops_before_the_first_step(tmp_path, monkeypatch):
    steps, step = [], SearchLoop._step
    monkeypatch.setattr(SearchLoop, '_step', lambda *a: steps.append(1) or step(*a))
    with pytest.raises(EvaluationError, match=r"produces: ones; received 'mAP'"):
        run(candidate_config(tmp_path, evaluation=dict(metric='mAP')))
    assert not steps


def test_the_loss_counts_what_drop_last_leaves_out(tmp_path):
    """Of 14 samples 7 are held out: a pass in batches of 4 drops 3 of them."""
    losses = []
    for drop_last in (True, False):
        config = candidate_config(tmp_path / str(drop_last))
        config.train_dataloader.dataset.number = 14
        config.train_dataloader.drop_last = drop_last
        loop = Runner.from_cfg(config).build_train_loop(config.train_cfg)
        held_out, seen = HeldOut(loop.scoring_inputs(), loop.evaluation), []
        forward = loop.model._run_forward
        loop.model._run_forward = lambda d, mode, f=forward, s=seen: (
            s.append(len(d['inputs'])) or f(d, mode)
        )
        losses.append(held_out.scorer.score()[0][0])
        assert seen == [4, 3]
        assert len(loop.arch_dataloader) == 2 - drop_last
    assert losses[0] == losses[1]


def test_a_part_without_one_batch_is_refused(tmp_path):
    config = candidate_config(tmp_path)
    config.train_dataloader.dataset.number = 6
    config.train_dataloader.drop_last = True
    with pytest.raises(ValueError, match='3 samples make none of 4.*drop_last=False'):
        run(config)


def test_a_metric_that_cannot_be_checked_yet_is_a_warning(tmp_path, monkeypatch):
    loop = run(candidate_config(tmp_path, evaluation=dict(metric='ones'))).train_loop
    held_out, said = HeldOut(loop.scoring_inputs(), loop.evaluation), []
    monkeypatch.setattr(held_out.scorer.evaluators[0], 'evaluate', lambda size: {})
    monkeypatch.setattr(loop.runner.logger, 'warning', said.append)
    held_out.scorer.check()
    assert len(said) == 1 and "metric 'ones' is not known before" in said[0]


def test_an_evaluator_without_an_answer_scores_nan(tmp_path, monkeypatch):
    loop = run(candidate_config(tmp_path, evaluation=dict(metric='ones'))).train_loop
    held_out = HeldOut(loop.scoring_inputs(), loop.evaluation)
    monkeypatch.setattr(held_out.scorer.evaluators[0], 'evaluate', lambda size: {})
    assert math.isnan(held_out(loop.searcher.architecture()))


def test_candidates_meet_the_target(tmp_path):
    searcher = dict(RANDOM, target=1.8e6, tolerance=0.02)
    config = candidate_config(tmp_path, searcher)
    loop = run(config).train_loop
    assert all(abs(loop.table.of(a) / 1.8e6 - 1) <= 0.02 for a in loop.scores.values)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (dict(arch_begin=1), SearchConfigError, 'arch_begin=None'),
        (
            dict(regularisers=[dict(type='mmtransfer.CostTerm', factor=0.1)]),
            SearchConfigError,
            'cost_term',
        ),
        (dict(searcher=dict(RANDOM, target=2.0)), TargetError, 'must lie between'),
        (dict(searcher=dict(RANDOM, candidates=0)), ValueError, 'candidates'),
        (dict(searcher=dict(type='mmtransfer.DifferentiableSearcher')), SearchConfigError,
         'needs arch_begin'),
        (dict(evaluation=dict(bn_iterations=0)), EvaluationError, 'bn_iterations'),
        (dict(evaluation=dict(samples=0)), EvaluationError, 'samples'),
        (dict(evaluation=dict(rule='better')), EvaluationError, 'rule'),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(tmp_path, change, error, message):
    config = candidate_config(tmp_path)
    for key, value in change.items():
        config.train_cfg[key] = value
    with pytest.raises(error, match=message):
        run(config)


def test_an_endless_sampler_is_refused(tmp_path):
    config = candidate_config(tmp_path)
    config.train_dataloader.sampler = dict(type='InfiniteSampler')
    with pytest.raises(EndlessSamplerError, match='DefaultSampler'):
        run(config)
