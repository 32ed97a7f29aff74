"""The registry of kinds of space, and that nobody asks for a kind by its name."""

import re
from pathlib import Path
from random import Random

import pytest

import mmtransfer
from mmtransfer.architecture import Architecture
from mmtransfer.space import SpaceError
from mmtransfer.spaces import KINDS, depth_space, mbconv_space, record_of, register
from mmtransfer.spaces.kinds import kind_around, largest, rule_arguments

ROOT = Path(mmtransfer.__file__).parents[1]
SPACE = r'\bspace(?:_?name)?(?:\.name)?'
ASKS = re.compile(
    rf"""{SPACE}\s*(?:==|!=|\bin\b|\bnot\ in\b)\s*['"(\[{{]  # space.name == 'depth'
    |['"]\s*(?:==|!=)\s*(?:\w+\.)*space\b                    # 'depth' == found.space
    |\bSUPERNETS\b|\b_SHARED\b""",
    re.VERBOSE,
)


def test_nobody_compares_the_name_of_a_space():
    files = [
        f for room in ('mmtransfer', 'tools', 'benchmarks') for f in (ROOT / room).rglob('*.py')
    ]
    assert len(files) > 150
    found = [
        f'{file.relative_to(ROOT)}:{number}: {line.strip()}'
        for file in files
        for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), 1)
        if ASKS.search(line)
    ]
    assert not found, found


@pytest.mark.parametrize(
    'line',
    [
        "if space.name == 'depth':",
        "found.space != 'depth'",
        "if supernet.space.name in ('a', 'b'):",
        "if 'depth' == found.space:",
        "SUPERNETS = ('FNASupernet',)",
    ],
)
def test_a_comparison_would_be_found(line):
    assert ASKS.search(line)


def test_the_record_of_a_space_and_of_an_architecture():
    space = mbconv_space('mobilenet_v2')
    assert record_of(space) is record_of(space.sample(Random(0))) is KINDS['mbconv']
    strange = Architecture('graph', '0' * 16, 'mobilenet_v2', {}, ())
    with pytest.raises(SpaceError, match="must be one of mbconv, residual, depth.*'graph'"):
        record_of(strange)


def test_a_name_is_taken_once():
    register(KINDS['depth'])
    with pytest.raises(ValueError, match="name of its own; received 'depth'"):
        register(type('Other', (), {'name': 'depth'})())
    assert KINDS['depth'] is record_of(depth_space('resnet18'))


def test_the_kind_around_a_seed():
    found = [kind_around(seed).name for seed in ('mobilenet_v2', 'resnet18', 'fbnet_c_expanded')]
    assert found == ['mbconv', 'residual', 'mbconv']
    with pytest.raises(SpaceError, match="the seed must be one of .*resnet18.*'x'"):
        kind_around('x')
    with pytest.raises(SpaceError, match='of the kinds residual; received .mobilenet_v2'):
        kind_around('mobilenet_v2', [KINDS['residual']])
    assert rule_arguments(KINDS['residual']) == ('ops',)


def test_only_ordered_options_have_a_largest():
    assert largest(mbconv_space('mobilenet_v2')) is None
    assert list(largest(depth_space('resnet18', [1, 2, 3, 4])).as_dict.values()) == list('1234')
