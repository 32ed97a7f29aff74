"""Terms that look at what the backbone was given and at what its nodes returned."""

import gc
import random
import weakref

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmtransfer import compat
from mmtransfer.engine.terms import Terms
from mmtransfer.registry import MODELS, REGULARISERS
from mmtransfer.search.recording import recordable, recording
from tests.engine.joint import NodeTerm, joint_config
from tests.engine.test_search_loop import assert_equal_states, run, tensor_file
from tests.engine.tiny import SPACES, train_config


@pytest.fixture(autouse=True)
def _stack():
    compat.apply()


@REGULARISERS.register_module()
class Elsewhere(NodeTerm):
    name = 'elsewhere'
    acts_in = ('arch',)


def backbone(with_cp):
    cfg = train_config('unused').model.backbone
    return MODELS.build(dict(cfg, with_cp=with_cp)).train()


@pytest.mark.parametrize('with_cp', [False, True])
def test_what_is_recorded_is_what_runs_and_is_let_go(with_cp):
    """With its graph, also where activations are recomputed."""
    net, images = backbone(with_cp), torch.randn(2, 3, 32, 32)
    assert recordable(net)[:3] == ['stages.0.0', 'stages.1.0', 'stages.1.1']
    with recording(net, ['input', *recordable(net)]) as (records, end):
        features = net(images)
        end()
        assert torch.equal(records['input'], images)
        assert list(records) == ['input', *recordable(net)]
        assert records['stages.6.0'] is features[-1]
        kept = weakref.ref(records['stages.1.0'])
        records['stages.1.0'].square().sum().backward()
        assert next(net.stem.parameters()).grad.abs().sum() > 0
        del features
    gc.collect()
    assert records == {} and kept() is None
    assert not net._forward_pre_hooks
    assert not any(m._forward_hooks for m in net.modules())


@pytest.mark.parametrize('space', ['mobilenet_v2', 'ssdlite'])
def test_a_supernet_records_its_layers(space):
    """One candidate, or the sum of all; also where an expansion is returned beside it."""
    net = MODELS.build(dict(type='mmtransfer.FNASupernet', **SPACES[space])).train()
    for selection in (net.space.sample(random.Random(0)), 'mixture'):
        net.select(selection)
        with recording(net, recordable(net)) as (records, _):
            features = net(torch.randn(2, 3, 32, 32))
            assert list(records) == recordable(net)
            assert records[recordable(net)[-1]] is features[-1]
        net.release()


def test_an_ordinary_training_has_terms(tmp_path):
    """They join the loss, are logged by name, and see no supernet; times 0 they change nothing."""
    states = {}
    for name, terms in (
        ('without', []),
        ('nothing', [dict(type='NodeTerm', factor=0.0), dict(type='Elsewhere')]),
        ('acting', [dict(type='NodeTerm', where='all')]),
    ):
        config = train_config(tmp_path / name, epochs=1, regularisers=terms)
        config.optim_wrapper.type = 'OptimWrapper'
        runner = run(config)
        states[name] = tensor_file(tmp_path / name / 'iter_2.pth')['state_dict']
    assert_equal_states(states['without'], states['nothing'])
    assert any(not torch.equal(v, states['without'][k]) for k, v in states['acting'].items())
    (term,) = runner.train_loop.terms.regularisers
    assert [seen[:4] for seen in term.seen] == [('weights', i, None, None) for i in (0, 1)]
    expected = {'input', *recordable(runner.model.backbone)}
    assert term.seen[0][4].keys() == expected
    gc.collect()
    assert all(kept() is None for kept in term.seen[-1][4].values())
    logged = {f'train/node_{name.replace(".", "_")}' for name in expected}
    assert logged <= set(runner.message_hub.log_scalars)


def test_a_search_has_terms_that_look_at_nodes(tmp_path):
    config = joint_config(tmp_path, epochs=1)
    config.train_cfg.regularisers.append(dict(type='NodeTerm'))
    runner = run(config)
    loop = runner.train_loop
    term = loop.terms.regularisers[-1]
    assert [seen[:4] for seen in term.seen] == [
        ('joint', i, loop.supernet, loop.table) for i in range(4)
    ]
    scalars = set(runner.message_hub.log_scalars)
    assert {'train/cost_term', 'train/node_stages_1_0', 'train/node_input'} <= scalars


@pytest.mark.parametrize(
    ('terms', 'message'),
    [
        ([dict(type='NodeTerm'), dict(type='NodeTerm')], r"different names.*'nodes', 'nodes'"),
        ([dict(type='NodeTerm', where=('stages.9.9',))], r"'input' or a module.*'stages.9.9'"),
        ([dict(type='CostTerm', factor=1.0)], 'of a search; this training has none'),
    ],
)
def test_terms_that_cannot_act_are_refused(terms, message):
    with pytest.raises(ValueError, match=message):
        Terms(terms, backbone(False))


def test_an_optimiser_that_takes_no_terms_is_refused(tmp_path):
    config = train_config(tmp_path, epochs=1, regularisers=[dict(type='NodeTerm')])
    runner = Runner.from_cfg(config)
    optimizer = torch.optim.SGD(runner.model.parameters(), lr=0.1)
    runner.optim_wrapper = OptimWrapper(optimizer)
    with pytest.raises(ValueError, match='RegularisedOptimWrapper; received OptimWrapper'):
        runner.build_train_loop(config.train_cfg)
