"""Plans of steps as values."""

import pytest

from mmtransfer.search import StepPlan, architecture_step, joint_step, weight_step
from tests.search.cases import SMALL


def test_the_usual_plans():
    path = next(iter(SMALL.neighbours(SMALL.architecture(['k3e3'] * 7))))
    found = [weight_step(3, path), architecture_step(1), joint_step(2)]
    assert [(p.kind, p.number, p.learns, p.data, p.selection, p.statistics) for p in found] == [
        ('weights', 3, ('weights',), 'training', path, True),
        ('arch', 1, ('arch',), 'held-out', 'mixture', False),
        ('joint', 2, ('weights', 'arch'), 'training', 'mixture', True),
    ]
    assert joint_step(2) == joint_step(2) != joint_step(3)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(kind='both'), r"kind of a step must be among weights, arch, joint; received 'both'"),
        (dict(learns=()), r'learns of a step must be among weights, arch; received \(\)'),
        (dict(data='val'), r"data of a step must be among training, held-out; received 'val'"),
    ],
)
def test_a_plan_of_something_else_is_refused(change, message):
    fields = dict(
        kind='joint',
        number=0,
        learns=('weights',),
        data='training',
        selection='mixture',
        statistics=True,
    )
    with pytest.raises(ValueError, match=message):
        StepPlan(**{**fields, **change})
