"""Joint steps: weights and architecture parameters learn together, by one optimiser."""

import copy

import pytest
import torch

from mmtransfer import compat
from mmtransfer.architecture import Architecture
from mmtransfer.backbones import MIXTURE
from mmtransfer.engine.search_loop import SearchLoop
from mmtransfer.search import NothingLearnedError, SearchConfigError, derive_from_checkpoint
from tests.engine.joint import joint_config
from tests.engine.test_processes import run_ranks
from tests.engine.test_search_loop import assert_equal_states, run, tensor_file
from tests.engine.tiny import search_config


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


def everything(path):
    """Weights, averaged weights and the state of the optimiser."""
    content = tensor_file(path)
    found = {**content['state_dict'], **content.get('ema_state_dict', {})}
    for number, state in content['optimizer']['state'].items():
        found.update({f'{number}/{name}': value for name, value in state.items()})
    return found


def test_weights_logits_and_statistics_move_in_every_step(tmp_path, monkeypatch):
    """The cost term acts, validation runs what is found, and a checkpoint derives the same."""
    step, kept, moved = SearchLoop._step, [], []

    def spy(loop, plan, batch):
        before = copy.deepcopy(loop.model.state_dict())
        out = step(loop, plan, batch)
        after = loop.model.state_dict()
        moved.append({k for k, v in after.items() if not torch.equal(v, before[k])})
        kept.append((plan.kind, plan.number, loop.supernet.selection))
        return out

    monkeypatch.setattr(SearchLoop, '_step', spy)
    config = joint_config(tmp_path)
    runner = run(copy.deepcopy(config))
    loop, supernet = runner.train_loop, runner.model.backbone
    assert kept == [('joint', number, MIXTURE) for number in range(8)]
    logits = {f'backbone.logits.{i}' for i in range(len(supernet.logits))}
    assert all(logits <= names for names in moved)
    assert all({'fc.weight', 'backbone.stem.bn.running_mean'} <= names for names in moved)
    scalars = runner.message_hub.log_scalars
    assert {'train/loss', 'train/cost_term', 'train/grad_norm', 'train/expected_cost_G'} <= {
        *scalars
    }
    written = Architecture.read(tmp_path / 'architecture.json')
    assert written == supernet.selection or written == loop.searcher.architecture()
    assert written.provenance['finished'] and derive_from_checkpoint(config, tmp_path) == written
    assert tensor_file(tmp_path / 'iter_8.pth')['mmtransfer']['searcher'] == {'learned': True}


def test_the_weights_learn_from_the_whole_training_set(tmp_path):
    loop = run(joint_config(tmp_path, epochs=1)).train_loop
    assert loop.arch_dataloader is None
    assert len(loop.dataloader.dataset) == 16 and len(loop.dataloader) == 4


def test_one_optimiser_holds_all_and_decays_no_logits(tmp_path):
    config = joint_config(tmp_path, epochs=1)
    runner = run(config)
    optimizer = runner.optim_wrapper.optimizer
    logits = {id(p) for p in runner.model.backbone.logits}
    decays = {
        group['weight_decay']: {id(p) for p in group['params']} for group in optimizer.param_groups
    }
    assert decays[0.0] == logits
    assert decays[1e-2] == {id(p) for p in runner.model.parameters()} - logits
    assert len({group['lr'] for group in optimizer.param_groups}) == 1  # the schedule reaches both


def test_resume_is_bit_for_bit(tmp_path):
    """With averaged weights, from inside an epoch."""

    def config(name):
        made = joint_config(tmp_path / name)
        made.custom_hooks.append(dict(type='EMAHook', momentum=0.3))
        return made

    run(config('whole'))
    part = config('part')
    part.resume, part.load_from = True, str(tmp_path / 'whole/iter_3.pth')
    torch.manual_seed(999)  # whatever the process did before must not matter
    run(part)
    states = [everything(tmp_path / name / 'iter_8.pth') for name in ('whole', 'part')]
    assert_equal_states(*states)
    ends = [tensor_file(tmp_path / name / 'iter_8.pth')['mmtransfer'] for name in ('whole', 'part')]
    assert ends[0] == ends[1]


def test_two_ranks_learn_the_same(tmp_path):
    run_ranks(tmp_path, '--joint')
    ranks = [torch.load(tmp_path / f'model.{r}.pth', weights_only=True) for r in (0, 1)]
    parameters = [{k: v for k, v in r.items() if 'running' not in k} for r in ranks]
    assert_equal_states(*parameters)
    means = [r['backbone.stem.bn.running_mean'] for r in ranks]
    assert not torch.equal(torch.zeros_like(means[0]), means[0])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(split=dict(arch=0.5)), 'split must be None for a OneLevelSearcher'),
        (dict(arch_begin=1), 'arch_begin=None'),
        (dict(evaluation=dict(metric='loss')), 'evaluation must be None'),
    ],
)
def test_wrong_settings_are_refused(tmp_path, change, message):
    config = joint_config(tmp_path)
    config.train_cfg.update(change)
    with pytest.raises(SearchConfigError, match=message):
        run(config)


def test_two_optimisers_are_refused(tmp_path):
    config = joint_config(tmp_path)
    config.optim_wrapper = search_config(tmp_path).optim_wrapper
    with pytest.raises(SearchConfigError, match='one ordinary optim_wrapper.*arch.*weights'):
        run(config)


def test_a_searcher_that_knows_nothing_says_so(tmp_path):
    """No file, and nothing to derive from its checkpoint."""
    config = joint_config(tmp_path, epochs=1)
    config.train_cfg.searcher.type = 'SilentSearcher'
    run(copy.deepcopy(config))
    assert not (tmp_path / 'architecture.json').exists()
    with pytest.raises(NothingLearnedError, match='knows no architecture'):
        derive_from_checkpoint(config, tmp_path)
