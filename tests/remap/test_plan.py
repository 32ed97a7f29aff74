"""The core of planning and applying, on layouts made by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.remap import Move, RemapError, RemapPlan, by_block, plan_remap, remap

SOURCE = {
    'a.conv.weight': (4, 3, 3, 3),
    'a.bn.weight': (4,),
    'a.bn.running_var': (4,),
    'a.bn.bias': (4,),
    'b.conv.weight': (2, 4, 1, 1),
}


def tensors(layout):
    return {name: torch.randn(shape) for name, shape in layout.items()}


def same_name(name):
    return name


def test_the_same_layout_is_copied_bit_for_bit():
    plan = plan_remap(SOURCE, SOURCE, same_name)
    state, own = tensors(SOURCE), tensors(SOURCE)
    result = remap(plan, state, own)
    assert {m.rule for m in plan.moves} == {'copy'}
    assert plan.unused == ()
    assert list(result) == list(SOURCE)
    assert all(torch.equal(result[n], state[n]) for n in SOURCE)


def test_apply_is_pure():
    plan = plan_remap(SOURCE, SOURCE, lambda n: n if n.startswith('a') else None)
    state, own = tensors(SOURCE), tensors(SOURCE)
    kept = {n: t.clone() for n, t in (state | {f'own.{n}': t for n, t in own.items()}).items()}
    for tensor in remap(plan, state, own).values():
        tensor.fill_(9)
    assert all(torch.equal(state[n], kept[n]) for n in SOURCE)
    assert all(torch.equal(own[n], kept[f'own.{n}']) for n in SOURCE)


def test_rules_have_names_and_new_norm_entries_their_defaults():
    target = {
        'a.conv.weight': (6, 2, 5, 5),
        'a.bn.weight': (6,),
        'a.bn.running_var': (6,),
        'a.bn.bias': (6,),
        'b.conv.weight': (2, 4, 1, 1),
        'logits.0': (7,),
    }
    plan = plan_remap(target, SOURCE, lambda n: None if n == 'logits.0' else n)
    assert {m.target: m.rule for m in plan.moves} == {
        'a.conv.weight': 'first channels + zero pad + centre pad',
        'a.bn.weight': 'pad with 1',
        'a.bn.running_var': 'pad with 1',
        'a.bn.bias': 'pad with 0',
        'b.conv.weight': 'copy',
        'logits.0': 'initialise',
    }
    own = tensors(target)
    result = remap(plan, tensors(SOURCE), own)
    assert {n: tuple(t.shape) for n, t in result.items()} == target
    assert result['a.bn.weight'][4:].tolist() == [1, 1]
    assert result['a.bn.running_var'][4:].tolist() == [1, 1]
    assert result['a.bn.bias'][4:].tolist() == [0, 0]
    assert torch.equal(result['logits.0'], own['logits.0'])


def test_dtype_follows_the_target():
    plan = plan_remap(SOURCE, SOURCE, same_name)
    own = {n: t.double() for n, t in tensors(SOURCE).items()}
    assert all(t.dtype == torch.float64 for t in remap(plan, tensors(SOURCE), own).values())


names = st.lists(st.sampled_from('abcdef'), unique=True, min_size=1)


@settings(max_examples=30, deadline=None)
@given(names, names, st.data())
def test_every_tensor_is_accounted_for(targets, sources, data):
    origin = {t: data.draw(st.sampled_from([None, *sources])) for t in targets}
    target = {t: (data.draw(st.integers(1, 4)),) for t in targets}
    source = {s: (data.draw(st.integers(1, 4)),) for s in sources}
    plan = plan_remap(target, source, origin.__getitem__)
    assert [m.target for m in plan.moves] == targets
    assert set(plan.unused) == set(sources) - set(origin.values())
    result = remap(plan, tensors(source), tensors(target))
    assert {n: tuple(t.shape) for n, t in result.items()} == target


@pytest.mark.parametrize(
    ('target', 'source', 'words'),
    [
        ((4, 3, 4, 4), (4, 3, 3, 3), 'common centre'),
        ((4, 3), (4, 3, 1, 1), 'number of dimensions'),
        ((4, 1, 3, 3), (4, 4, 3, 3), 'depthwise'),
    ],
)
def test_shapes_without_a_rule_are_refused(target, source, words):
    with pytest.raises(RemapError, match=words):
        plan_remap({'x': target}, {'x': source}, same_name)


def test_groups_are_sliced_when_named():
    plan = plan_remap({'x': (4, 1, 3, 3)}, {'x': (4, 4, 3, 3)}, same_name, groups={'x': 4})
    assert plan.moves[0].rule == 'slice groups'
    weight = torch.randn(4, 4, 3, 3)
    result = remap(plan, {'x': weight}, {'x': torch.empty(4, 1, 3, 3)})['x']
    assert torch.equal(result[:, 0], weight[range(4), range(4)])
    with pytest.raises(RemapError, match='with 2 groups the source must be dense'):
        plan_remap({'x': (4, 1, 3, 3)}, {'x': (4, 4, 3, 3)}, same_name, groups={'x': 2})


def test_a_missing_source_is_refused_but_a_counter_is_not():
    plan = plan_remap({'bn.num_batches_tracked': ()}, {}, same_name)
    assert plan.moves == (Move('bn.num_batches_tracked', ()),)
    with pytest.raises(RemapError, match='lacks 1 tensors.*c.weight'):
        plan_remap({'c.weight': (1,)}, SOURCE, same_name)


def test_two_fates_are_refused():
    with pytest.raises(RemapError, match='exactly one fate'):
        RemapPlan((Move('x', ()), Move('x', ())))
    with pytest.raises(RemapError, match='both used and listed as unused'):
        RemapPlan((Move('x', (), 'y', ()),), ('y',))


def test_the_longest_block_decides():
    source_of = by_block({'stages.1': 'stages.0', 'stages.1.expand': None, 'stem': 'stem'})
    assert source_of('stages.1.project.weight') == 'stages.0.project.weight'
    assert source_of('stages.1.expand.weight') is None
    with pytest.raises(RemapError, match="'stages.10.weight' lies in none"):
        source_of('stages.10.weight')


def test_explain_is_a_table_with_totals():
    target = SOURCE | {'a.conv.weight': (2, 3, 3, 3), 'logits.0': (7,)}
    text = plan_remap(target, SOURCE, {n: n for n in SOURCE if n[0] == 'a'}.get).explain()
    lines = text.splitlines()
    assert lines[0].split() == ['target', 'source', 'shape', 'rule']
    assert lines[2].split() == ['a.conv', 'a.conv', '4x3x3x3', '->', '2x3x3x3', 'first', 'channels']
    assert lines[3].split() == ['a.bn', 'a.bn', '4', 'copy']
    assert lines[4].split() == ['b.conv', '-', '2x4x1x1', 'initialise']
    assert '6 target tensors: 3 copy, 2 initialise, 1 first channels.' in text
    assert '1 unused source tensors: b.conv.weight.' in text
    assert len({line.find('a.conv', 3) for line in lines[2:3]}) == 1


def test_apply_checks_before_it_computes():
    plan = plan_remap(SOURCE, SOURCE, same_name)
    state = tensors(SOURCE)
    with pytest.raises(RemapError, match="source tensor 'a.bn.bias' is missing"):
        remap(plan, {n: t for n, t in state.items() if n != 'a.bn.bias'}, state)
    with pytest.raises(RemapError, match=r'shape \(5,\), the plan expects \(4,\)'):
        remap(plan, state, state | {'a.bn.bias': torch.zeros(5)})
    with pytest.raises(RemapError, match="'extra' has no fate"):
        remap(plan, state, state | {'extra': torch.zeros(5)})


def test_other_names():
    plan = plan_remap(SOURCE, SOURCE, lambda n: n if n != 'a.bn.bias' else None)
    renamed = plan.with_sources({n: f'theirs.{n}' for n in SOURCE}, ['x', 'theirs.b.conv.weight'])
    assert renamed.moves[0].source == 'theirs.a.conv.weight'
    assert renamed.unused == ('x',)
