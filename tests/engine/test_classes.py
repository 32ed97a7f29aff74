"""Model and data must know the same classes."""

from types import SimpleNamespace

import pytest

from mmtransfer.engine.classes import CheckClassesHook, ClassesError, check_classes

AB, ABC = ('a', 'b'), ('a', 'b', 'c')


def test_equal_classes_pass():
    check_classes(2, {'training': AB, 'validation': AB})
    check_classes(7, {})


def test_differing_parts_are_named():
    with pytest.raises(ClassesError, match="validation data .* training data.*missing: 'c'"):
        check_classes(3, {'training': ABC, 'validation': AB})
    with pytest.raises(ClassesError, match="unknown: 'c'"):
        check_classes(2, {'training': AB, 'test': ABC})
    with pytest.raises(ClassesError, match='their order differs'):
        check_classes(2, {'training': AB, 'validation': ('b', 'a')})


def test_another_number_is_named():
    with pytest.raises(ClassesError, match=r'training data, 3; received 1000. .*num_classes=3'):
        check_classes(1000, {'training': ABC})


def test_the_hook_reads_the_loops_that_are_built():
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=ABC)))
    )
    model = SimpleNamespace(num_classes=2)
    runner = SimpleNamespace(
        model=model, _train_loop=dict(type='x'), _val_loop=None, _test_loop=loop
    )
    with pytest.raises(ClassesError, match='test data, 3; received 2'):
        CheckClassesHook().before_run(runner)
    model.num_classes = 3
    CheckClassesHook().before_run(runner)
