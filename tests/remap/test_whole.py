"""Whole models: backbones by their plans, neck and head by name, what is refused and counted."""

import pytest

from mmtransfer.remap import BackbonePlan, RemapError, plan_whole_model
from mmtransfer.remap.plan import plan_remap

SOURCE = {'backbone.x.weight': (2, 2), 'backbone.y': (1,), 'neck.w': (3,), 'head.w': (4,)}
BACKBONE = {'backbone.x.weight': (2, 2)}


def whole(source, target, origin='', **options):
    plan = plan_remap(BACKBONE, SOURCE, lambda name: name)
    return plan_whole_model([BackbonePlan(plan, 'backbone.', origin)], source, target, **options)


def rules(plan):
    return {m.target: m.rule for m in plan.moves}


def test_a_whole_model_takes_neck_and_head_by_name():
    target = {'neck.w': (3,), 'backbone.x.weight': (2, 2), 'head.w': (4,)}
    plan = whole(SOURCE, target)
    assert [m.target for m in plan.moves] == list(target)
    assert set(rules(plan).values()) == {'copy'}
    assert plan.unused == ('backbone.y',)


def test_another_head_is_refused_unless_it_keeps_its_own_values():
    target = {'backbone.x.weight': (2, 2), 'neck.w': (3,), 'head.w': (5,), 'head.v': (1,)}
    with pytest.raises(RemapError) as caught:
        whole(SOURCE, target)
    for words in (
        "'head.w' is (4,) in the source, (5,) here",
        "'head.v' is missing in the source",
        'same neck and head',
        'backbone 1 of 1, neck 1 of 1, head 0 of 2',
        'initialise',
    ):
        assert words in str(caught.value)
    plan = whole(SOURCE, target, initialise=['head.'])
    assert rules(plan)['head.w'] == 'initialise'
    assert plan.unused == ('backbone.y', 'head.w')
    with pytest.raises(RemapError, match="names 'haed.'"):
        whole(SOURCE, target, initialise=['head.', 'haed.'])
    with pytest.raises(RemapError, match="'backbone.z' is no tensor of the plan"):
        whole(SOURCE, {'backbone.x.weight': (2, 2), 'backbone.z': (1,)})


def test_modules_that_the_source_has_nothing_of_keep_their_own_values_if_asked_to():
    target = BACKBONE | {'neck.w': (3,), 'roi.w': (5,)}
    assert rules(whole(SOURCE, target, partly=True)) == {
        'backbone.x.weight': 'copy',
        'neck.w': 'copy',
        'roi.w': 'initialise',
    }
    with pytest.raises(RemapError, match="'neck.v' is missing.*neck 1 of 2"):
        whole(SOURCE, target | {'neck.v': (1,)}, partly=True)
    alone = whole(SOURCE, target, origin=None)
    assert rules(alone)['neck.w'] == 'initialise'


def test_a_student_and_a_teacher_take_their_own_or_both_the_only_one():
    def plans(start):
        return [
            BackbonePlan(
                plan_remap(
                    {f'{root}backbone.x': (2,)},
                    source(start),
                    lambda name: start(name.partition('backbone')[0]) + 'backbone.x',
                ),
                f'{root}backbone.',
                start(root),
            )
            for root in ('student.', 'teacher.')
        ]

    def source(start):
        return {
            f'{start(root)}{name}': (2,)
            for root in ('student.', 'teacher.')
            for name in ('backbone.x', 'neck.w')
        }

    target = source(str)
    for start in (str, lambda root: ''):
        found = {
            m.target: m.source for m in plan_whole_model(plans(start), source(start), target).moves
        }
        assert found == {
            f'{root}{name}': f'{start(root)}{name}'
            for root in ('student.', 'teacher.')
            for name in ('backbone.x', 'neck.w')
        }
    kept = plan_whole_model(plans(str), source(str), target, initialise=['teacher.neck.'])
    assert [m.target for m in kept.moves if m.rule == 'initialise'] == ['teacher.neck.w']
    kept = plan_whole_model(plans(str), source(str), target, initialise=['neck.'])
    assert {m.target for m in kept.moves if m.rule == 'initialise'} == {
        'student.neck.w',
        'teacher.neck.w',
    }
