import pytest

from mmtransfer.search import skip_share
from mmtransfer.spaces import mbconv_space, seed_architecture


def test_share_of_the_layers_that_can_be_skipped():
    space = mbconv_space('mobilenet_v2')  # 21 layers; the first of each of 6 stages always stays
    every = {c.name: 'skip' if 'skip' in c.options else 'k3e3' for c in space.choices}
    assert skip_share(space.architecture(every)) == 1.0
    assert skip_share(space.architecture(every | {'stage3.layer2': 'k5e6'})) == 14 / 15
    assert skip_share(space.architecture(dict.fromkeys(every, 'k3e3'))) == 0.0


@pytest.mark.parametrize(('seed', 'skipped'), [('mobilenet_v2', 5), ('efficientnet_lite0', 6)])
def test_seeds_stay_below_half(seed, skipped):
    rule = dict(layers=(4, 4, 4, 4, 4, 1), kernels=(3, 5, 7), expansions=(3, 6))
    assert skip_share(seed_architecture(seed, **rule)) == skipped / 15


def test_nothing_to_skip():
    space = mbconv_space('mobilenet_v2', layers=(1,) * 6)
    assert skip_share(space.architecture(['k3e6'] * 6)) == 0.0
