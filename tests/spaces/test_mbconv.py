"""The MBConv seeds, the space around them and architectures as layers."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmtransfer.seeds import SEEDS, seed_network
from mmtransfer.seeds.mbconv import MBConv
from mmtransfer.space import MinLayers, SpaceError
from mmtransfer.spaces import (
    closest_to_seed,
    mbconv_space,
    network,
    seed_architecture,
    space_of,
    space_stages,
)

few = settings(max_examples=30, deadline=None)
names = st.sampled_from(sorted(n for n, s in SEEDS.items() if s.kind.space == 'mbconv'))
rules = st.fixed_dictionaries(
    {},
    optional={
        'layers': st.lists(st.integers(1, 5), min_size=6, max_size=6),
        'kernels': st.lists(st.sampled_from((3, 5, 7)), min_size=1, max_size=3, unique=True),
        'expansions': st.lists(st.integers(1, 6), min_size=1, max_size=2, unique=True),
        'min_layers': st.none() | st.integers(1, 4),
    },
)


def test_space_of_table_1():
    space = mbconv_space('mobilenet_v2')
    assert len(space.choices) == 21
    ops = ('k3e3', 'k3e6', 'k5e3', 'k5e6', 'k7e3', 'k7e6')
    for choice in space.choices:
        first = choice.name.endswith('layer0')
        assert choice.options == (ops if first else (*ops, 'skip'))
    assert space.size == 6**6 * 7**15
    assert space.constraints == ()
    assert [len(c) for c in space_stages(space)] == [0, 4, 4, 4, 4, 4, 1]
    assert space.choices[0].name == 'stage1.layer0' and space.choices[-1].name == 'stage6.layer0'
    assert len(mbconv_space('mobilenet_v2', (4, 4, 6, 6, 4, 1)).choices) == 25  # segmentation


def test_same_rule_same_fingerprint():
    assert mbconv_space('mobilenet_v2').fingerprint == (
        mbconv_space('mobilenet_v2', [4, 4, 4, 4, 4, 1], [3, 5, 7], [3, 6], None).fingerprint
    )
    # Files on disk hold this number: what makes it change makes them unreadable.
    assert mbconv_space('mobilenet_v2').fingerprint == '6d4e0141aa9a05cf'
    assert mbconv_space('efficientnet_lite0').fingerprint != '6d4e0141aa9a05cf'


def test_min_layers_is_a_constraint_per_stage():
    space = mbconv_space('mobilenet_v2', min_layers=2)
    assert [c.at_least for c in space.constraints] == [2] * 5  # the last stage has one layer
    assert isinstance(space.constraints[0], MinLayers)
    assert space.constraints[0].choices == tuple(f'stage1.layer{n}' for n in range(4))
    assert mbconv_space('mobilenet_v2', min_layers=1).constraints == ()


@pytest.mark.parametrize(
    ('rule', 'words'),
    [
        ({'layers': (4, 4)}, 'each of the 6 searched stages of mobilenet_v2'),
        ({'layers': (4, 4, 0, 4, 4, 1)}, r'positive number .*received \[4, 4, 0, 4, 4, 1\]'),
        ({'kernels': (3, 4)}, r'kernels must be odd and positive.*received \[3, 4\]'),
        ({'kernels': ()}, 'kernels must be odd'),
        ({'expansions': (0,)}, 'expansions must be positive'),
        ({'min_layers': 0}, 'min_layers must be positive, .* or None; received 0'),
        ({'kernels': (3, 3)}, 'all different'),
    ],
)
def test_rules_that_make_no_space(rule, words):
    with pytest.raises(SpaceError, match=words):
        mbconv_space('mobilenet_v2', **rule)


def test_unknown_seed():
    with pytest.raises(
        SpaceError, match="one of mobilenet_v2, efficientnet_lite0, .*; received 'x'"
    ):
        mbconv_space('x')


def test_read_op():
    assert MBConv.read('k5e3') == MBConv(5, 3) and MBConv.read('k11e1') == MBConv(11, 1)
    assert MBConv(5, 3).numbers == (5, 3) and MBConv(5, 3).text == 'k5e3'
    for wrong in ('skip', 'k5', 'k0e3', 'k5e3 ', 'xk5e3'):
        with pytest.raises(SpaceError, match="an op must read like 'k5e3'"):
            MBConv.read(wrong)


@pytest.mark.parametrize('name', sorted(SEEDS))
def test_the_seed_as_an_architecture_is_the_seed(name):
    a = seed_architecture(name)
    plain = network(a)
    assert [replace(n, choice=None) for n in plain.nodes] == list(seed_network(name).nodes)
    assert [n.choice for n in plain.nodes if n.choice] == [n for n, op in a.options if op != 'skip']
    assert closest_to_seed(space_of(a)) == a
    assert network(a).out_channels((3,)) == (SEEDS[name].stages[3].channels,)


def test_published_depths_and_channels():
    mbv2, lite = seed_network('mobilenet_v2'), seed_network('efficientnet_lite0')
    assert [len(s) for s in mbv2.stages] == [1, 2, 3, 4, 3, 3, 1]
    assert [len(s) for s in lite.stages] == [1, 2, 2, 3, 3, 4, 1]
    assert mbv2.out_channels(range(7)) == (16, 24, 32, 64, 96, 160, 320)
    assert lite.out_channels(range(7)) == (16, 24, 40, 80, 112, 192, 320)
    assert [s[0].stride for s in mbv2.stages] == [s[0].stride for s in lite.stages]
    assert [s[0].stride for s in mbv2.stages] == [1, 2, 2, 2, 1, 2, 1]
    with pytest.raises(ValueError, match=r'between 0 and 6.*received \(1, 7\)'):
        mbv2.out_channels((1, 7))


def test_skips_are_dropped_and_positions_remembered():
    options = seed_architecture('mobilenet_v2').as_dict
    options.update({'stage3.layer1': 'skip', 'stage3.layer2': 'k7e3'})
    third = network(mbconv_space('mobilenet_v2').architecture(options)).stages[3]
    assert [la.name for la in third] == ['stages.3.0', 'stages.3.1', 'stages.3.2']
    assert [la.choice for la in third] == ['stage3.layer0', 'stage3.layer2', 'stage3.layer3']
    assert [la.op.text for la in third] == ['k3e6', 'k7e3', 'k3e6']
    assert third[1].op == MBConv(kernel=7, expansion=3) and third[1].expanded_channels == 192
    assert [la.stride for la in third] == [2, 1, 1]
    assert [la.in_channels == la.out_channels for la in third] == [False, True, True]
    assert third[0].in_channels == 32 and third[1].in_channels == 64


@few
@given(names, rules, st.integers(0, 2**32))
def test_layers_of_any_architecture(name, rule, seed):
    space = mbconv_space(name, **rule)
    a = space.sample(random.Random(seed))
    net = network(a)
    assert len(net.nodes) == 1 + sum(option != 'skip' for option in a.as_dict.values())
    assert all(la.op.text == a[la.choice] for la in net.nodes if la.choice)
    for first, second in zip(net.nodes, net.nodes[1:], strict=False):
        assert second.in_channels == first.out_channels
    assert net.nodes[0].in_channels == net.seed.stem_channels
    assert net.nodes[0].choice is None
    assert net.out_channels(range(7)) == tuple(stage.channels for stage in net.seed.stages)
    assert [[la.index for la in stage] for stage in net.stages] == (
        [list(range(len(stage))) for stage in net.stages]
    )


@few
@given(names, rules)
def test_closest_to_seed_exists_in_every_space(name, rule):
    space = mbconv_space(name, **rule)
    a = closest_to_seed(space)
    space.check(a)
    try:
        assert a == seed_architecture(name, **space.rule)
    except SpaceError:
        pass


def test_closest_to_seed_goes_by_kernel_then_expansion():
    space = mbconv_space('efficientnet_lite0', (1, 3, 1, 1, 1, 1), (3, 7), (2, 4), min_layers=3)
    a = closest_to_seed(space)
    assert a['stage1.layer0'] == 'k3e4'
    assert [a[f'stage2.layer{n}'] for n in range(3)] == ['k3e4'] * 3


def test_a_space_without_the_seed_is_refused():
    with pytest.raises(
        SpaceError, match='3 layers in its stage of 32 channels; layers = .* allows 2'
    ):
        seed_architecture('mobilenet_v2', layers=(4, 2, 4, 4, 4, 1))
    with pytest.raises(SpaceError, match='must be one of k3e3, k3e6; received'):
        seed_architecture('efficientnet_lite0', kernels=(3,))


def test_seeds_with_ops_outside_the_options():
    """FBNet-C has expansion 1 and a skip inside a stage; its default space has neither."""
    a = seed_architecture('fbnet_c')
    assert a.rule['expansions'] == [1, 3, 6]
    assert [a[f'stage1.layer{n}'] for n in range(4)] == ['k3e6', 'skip', 'k3e1', 'k3e1']
    assert [la.name for la in network(a).stages[1]] == [f'stages.1.{n}' for n in range(3)]
    near = closest_to_seed(mbconv_space('fbnet_c'))
    assert [near[f'stage1.layer{n}'] for n in range(4)] == ['k3e6', 'skip', 'k3e3', 'k3e3']
    assert [len(s) for s in seed_network('proxyless_mobile').stages] == [1, 2, 4, 4, 4, 4, 1]


def test_restricted_choices():
    offered = {'stage5.layer0': ['k7e6', 'k3e6', 'k5e6']}
    space = mbconv_space('mobilenet_v2', restrict=offered)
    options = {c.name: c.options for c in space.choices}
    assert options['stage5.layer0'] == ('k3e6', 'k5e6', 'k7e6')
    assert len(options['stage4.layer0']) == 6 and space.size == 6**5 * 3 * 7**15
    assert space_of(space.sample(random.Random(0))) == space
    assert mbconv_space('mobilenet_v2').rule.get('restrict') is None
    with pytest.raises(
        SpaceError, match="received 'stage5.layer0': .*'k9e6'.*Its options are k3e3"
    ):
        mbconv_space('mobilenet_v2', restrict={'stage5.layer0': ['k9e6']})
    with pytest.raises(SpaceError, match='The choices are stage1.layer0'):
        mbconv_space('mobilenet_v2', restrict={'stage0.layer0': ['k3e1']})
    for offered in ([], ['skip']):
        with pytest.raises(SpaceError, match="beside 'skip'"):
            mbconv_space('mobilenet_v2', restrict={'stage1.layer1': offered})
