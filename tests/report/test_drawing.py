import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch

from mmtransfer.architecture import Architecture
from mmtransfer.report.drawing import draw, to_array
from mmtransfer.report.style import KERNELS
from mmtransfer.spaces import (
    allocation,
    depth_space,
    mbconv_space,
    network,
    residual_space,
    seed_architecture,
)

SPACE = mbconv_space('mobilenet_v2', layers=[2] * 6)


def architecture(*options: str, **more) -> Architecture:
    """One with two layers per stage, those not given skipped as far as that goes."""
    rest = ['k3e6', 'skip'] * 6
    return SPACE.architecture([*options, *rest[len(options) :]], **more)


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def layers(figure) -> list[FancyBboxPatch]:
    """The rectangles of layers, those in front; the stem is the first of each row."""
    patches = figure.axes[0].patches
    return [p for p in patches if isinstance(p, FancyBboxPatch) and p.zorder == 3]


def labels(figure) -> list[str]:
    """What stands on the rectangles."""
    return [t.get_text() for t in figure.axes[0].texts if t.get_rotation() == 90]


def dashed(figure) -> list[FancyBboxPatch]:
    """The boxes of stages, those that are empty inside."""
    return [p for p in figure.axes[0].patches if p.get_facecolor()[:3] == (1, 1, 1)]


def inside(figure, text, patch) -> bool:
    """Whether a text lies on a rectangle, as drawn."""
    inner, outer = text.get_window_extent(), patch.get_window_extent()
    return bool(
        outer.x0 - 1 <= inner.x0
        and inner.x1 <= outer.x1 + 1
        and outer.y0 - 1 <= inner.y0
        and inner.y1 <= outer.y1 + 1
    )


def test_rectangles_show_kernel_and_expansion():
    figure = draw([architecture('k3e3', 'k5e3', 'k7e3', 'k7e6')], ['one'])
    k3, k5, k7, wide = layers(figure)[2:6]
    assert k3.get_height() < k5.get_height() < k7.get_height() == wide.get_height()
    assert k3.get_width() == k5.get_width() == k7.get_width() < wide.get_width()
    assert wide.get_facecolor()[:3] == pytest.approx(to_rgb(KERNELS[7]))
    assert min(k7.get_facecolor()[:3]) > min(wide.get_facecolor()[:3])
    assert labels(figure)[:6] == ['K3', 'K3E1', 'K3E3', 'K5E3', 'K7E3', 'K7E6']
    shown = {'one', 'kernel 3', 'kernel 5', 'kernel 7', 'expansion 1', 'expansion 3', 'expansion 6'}
    assert shown <= set(texts(figure))


def test_skipped_layers_leave_no_rectangle_and_stages_stand_below_each_other():
    figure = draw(
        [architecture('k3e6', 'skip', 'k3e6', 'k5e6'), architecture('k3e6', 'k3e6', 'k3e6', 'skip')]
    )
    # The stem, the first stage, the two searched ones and one layer in each of the other four.
    assert len(layers(figure)) == 2 * (1 + 1 + 3 + 4)
    spans = [(round(p.get_x(), 6), round(p.get_width(), 6)) for p in dashed(figure)]
    assert len(spans) == 16 and spans[:8] == spans[8:]


def test_a_block_allocation_shows_its_blocks():
    figure = draw([allocation('resnet50', [1, 3, 7, 5])], ['found'])
    assert labels(figure) == ['K7', *['K3G1'] * 16]
    below = texts(figure)
    for count, channels in ((1, 256), (3, 512), (7, 1024), (5, 2048)):
        at = below.index(f'{channels} channels')
        assert below[at - 1] == f'{count} block{"s" * (count > 1)}'
        assert (below[at + 1] == 'stride 2') == (channels > 256)
    assert below.index('stem and pool') == below.index('stride 4') - 2
    assert 'bottleneck blocks' in below
    mobile = draw([depth_space('mobilenet_v2').architecture(['2', '1', '3', '2', '1'])])
    assert labels(mobile)[:5] == ['K3', 'K3E1', 'K3E6', 'K3E6', 'K3E6']
    assert len(layers(mobile)) == 12


def test_strides_are_those_of_the_output_stride():
    seed = seed_architecture('resnet18')
    at_32, at_8 = texts(draw([seed])), texts(draw([seed.replace(output_stride=8)]))
    assert at_32.count('stride 2') == 3 and not any('dilation' in t for t in at_32)
    assert at_8.count('stride 2') == 1 and {'dilation 2', 'dilation 4'} <= set(at_8)


def test_a_deep_network_stays_within_a_page_and_counts_its_equal_blocks():
    deep = allocation('resnet50', [8, 10, 36, 14])
    figure = draw([deep, seed_architecture('resnet50')])
    assert figure.get_size_inches()[0] <= 14.5
    assert {'x 35', '36 blocks', '14 blocks', '3 blocks'} <= set(texts(figure))
    drawn = len(layers(figure)) + sum(int(t[2:]) - 1 for t in texts(figure) if t[:2] == 'x ')
    assert drawn == 1 + 68 + 1 + 16
    rng = random.Random(0)
    mixed = mbconv_space('mobilenet_v2', (10,) * 6, (3, 5, 7, 9), (1, 2, 3, 6, 8)).sample(rng)
    wrapped = draw([mixed])
    assert wrapped.get_size_inches()[0] <= 14.5 < 2 * wrapped.get_size_inches()[1] + 9
    assert len({round(p.get_y(), 3) for p in dashed(wrapped)}) == 3


@pytest.mark.parametrize('name', ['mobilenet_v2', 'fbnet_c', 'se_resnext50', 'resnet50_nl'])
def test_labels_lie_on_their_rectangles_and_rectangles_in_their_boxes(name):
    figure = draw([seed_architecture(name)], [name])
    to_array(figure)
    turned = [t for t in figure.axes[0].texts if t.get_rotation() == 90]
    found = layers(figure)
    assert len(turned) == len(found) == 1 + len(network(seed_architecture(name)).nodes)
    assert all(inside(figure, t, p) for t, p in zip(turned, found, strict=True))
    boxes = dashed(figure)
    for layer in found:
        assert any(
            box.get_x() <= layer.get_x()
            and layer.get_x() + layer.get_width() <= box.get_x() + box.get_width() + 1e-9
            and box.get_y() <= layer.get_y()
            and layer.get_y() + layer.get_height() <= box.get_y() + box.get_height() + 1e-9
            for box in boxes
        )
    for text in figure.axes[0].texts:
        extent = text.get_window_extent()
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.x1 and extent.y0 >= 0, text


def test_the_longest_label_fits_and_variants_are_explained():
    space = residual_space('se_resnext50', ['k3g32w4s16n2', 'k7g64w4s8'])
    figure = draw([space.architecture(['k3g32w4s16n2', 'k7g64w4s8'] * 8)])
    to_array(figure)
    turned = [t for t in figure.axes[0].texts if t.get_rotation() == 90]
    assert turned[1].get_text() == 'K3G32\nW4S16N2'
    assert all(inside(figure, t, p) for t, p in zip(turned, layers(figure), strict=True))
    (notes,) = [t for t in texts(figure) if t.startswith('N2')]
    assert 'N2: non-local' in notes and 'S8: squeeze-and-excitation, 1/8' in notes
    assert 'W4: 4 channels per group' in notes


def test_captions():
    one = architecture('k3e6', cost={'madds': 4_823_403_200, 'params': 2_055_712})
    two = architecture('k3e6', cost={'madds': 185_600_000}, input_size=(160, 192))
    three = two.replace(cost={**two.cost, 'latency_ms': 31.0}, output_stride=16)
    found = texts(draw([one, two, three], ['a', 'b', 'c']))
    assert 'MBConv blocks, 4.82 G MAdds, 2.06 M parameters' in found
    assert 'MBConv blocks, 186 M MAdds at 192 x 160' in found
    assert 'MBConv blocks, 186 M MAdds at 192 x 160 (output stride 16), 31.0 ms' in found
    assert found.count('24 channels') == 3


@given(st.lists(st.sampled_from(['k3e3', 'k7e6', 'k5e6']), min_size=1, max_size=8))
@settings(max_examples=3, deadline=None)
def test_the_array_is_the_picture(options):
    figure = draw([architecture(*options)], ['title'])
    image = to_array(figure)
    width, height = figure.get_size_inches() * figure.dpi
    assert image.shape == (int(height), int(width), 3) and image.dtype == np.uint8
    assert (image[0] == 255).all() and (image[-1] == 255).all() and image.min() < 100
    assert np.array_equal(image, to_array(draw([architecture(*options)], ['title'])))
    for kernel in {int(o[1]) for o in options if o.endswith('e6')}:
        colour = np.round(np.array(to_rgb(KERNELS[kernel])) * 255)
        assert (np.abs(image - colour).max(-1) <= 1).sum() > 500


@pytest.mark.parametrize(('count', 'titles'), [(0, []), (1, ['a', 'b'])])
def test_titles_must_fit(count, titles):
    with pytest.raises(ValueError, match=f'received {count} architectures'):
        draw([architecture('k3e6')] * count, titles)


def test_it_needs_no_torch_and_opens_no_window():
    code = (
        'import sys; import mmtransfer.report.drawing; '
        "sys.exit(' '.join({'torch', 'matplotlib.pyplot'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_rows_of_several_families_and_a_legend_that_fits():
    a = residual_space('resnet18').architecture(
        ['k3g1', 'k5g2', 'k5g4', 'k7g4', 'k7g8', 'k3g1', 'k3g1', 'k3g1']
    )
    figure = draw([a, architecture('k3e6')])
    found = {t.get_text(): t for t in figure.axes[0].texts}
    assert {'K7G8', 'K5G2', 'kernel 7', '1 group', '8 groups', 'basic blocks'} <= found.keys()
    to_array(figure)
    assert found['8 groups'].get_window_extent().x1 < figure.bbox.x1
