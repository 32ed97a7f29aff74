import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch

from mmtransfer.architecture import Architecture
from mmtransfer.draw import COLOURS, draw, to_array
from mmtransfer.seeds import residual_space


def architecture(*options: str, **more) -> Architecture:
    """One with two layers per stage."""
    names = [f'stage{1 + i // 2}.layer{i % 2}' for i in range(len(options))]
    pairs = tuple(zip(names, options, strict=True))
    return Architecture('mbconv', 'f', 'mobilenet_v2', {}, pairs, **more)


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def layers(figure) -> list[FancyBboxPatch]:
    """The rectangles of layers, those in front."""
    patches = figure.axes[0].patches
    return [p for p in patches if isinstance(p, FancyBboxPatch) and p.zorder == 3]


def dashed(figure) -> list[FancyBboxPatch]:
    """The boxes of stages, those that are empty inside."""
    return [p for p in figure.axes[0].patches if p.get_facecolor()[:3] == (1, 1, 1)]


def test_rectangles_show_kernel_and_expansion():
    figure = draw([architecture('k3e3', 'k5e3', 'k7e3', 'k7e6')], ['one'])
    k3, k5, k7, wide = layers(figure)
    assert k3.get_height() < k5.get_height() < k7.get_height() == wide.get_height()
    assert k3.get_width() == k5.get_width() == k7.get_width() < wide.get_width()
    assert wide.get_facecolor()[:3] == pytest.approx(to_rgb(COLOURS[7]))
    assert min(k7.get_facecolor()[:3]) > min(wide.get_facecolor()[:3])
    assert {'K3E3', 'K5E3', 'K7E3', 'K7E6', 'one'} <= set(texts(figure))
    assert {'kernel 3', 'kernel 5', 'kernel 7', 'expansion 3', 'expansion 6'} <= set(texts(figure))


def test_skipped_layers_leave_no_rectangle_and_stages_stand_below_each_other():
    figure = draw(
        [architecture('k3e6', 'skip', 'k3e6', 'k5e6'), architecture('k3e6', 'k3e6', 'k3e6', 'skip')]
    )
    assert len(layers(figure)) == 6
    boxes = dashed(figure)
    spans = [(round(p.get_x(), 6), round(p.get_width(), 6)) for p in boxes]
    assert len(spans) == 4 and spans[:2] == spans[2:]


def test_captions():
    one = architecture('k3e6', cost={'madds': 4_823_403_200, 'params': 2_055_712})
    two = architecture('k3e6', cost={'madds': 185_600_000}, input_size=(160, 192))
    three = two.replace(cost={**two.cost, 'latency_ms': 31.0}, output_stride=16)
    found = texts(draw([one, two, three], ['a', 'b', 'c'], [{1: 24}, {}, {}]))
    assert '4.82 G MAdds, 2.06 M parameters' in found
    assert '186 M MAdds at 192 x 160' in found
    assert '186 M MAdds at 192 x 160 (output stride 16), 31.0 ms' in found
    assert found.count('24 channels') == 1


def test_every_layer_lies_in_its_box_and_every_box_in_the_picture():
    ops = ('k7e6', 'k3e3', 'k5e6', 'skip', 'k3e6', 'k7e3')
    figure = draw([architecture(*ops), architecture(*reversed(ops))])
    boxes = dashed(figure)
    width, height = figure.get_size_inches()
    for box in boxes:
        assert box.get_x() >= 0 and box.get_x() + box.get_width() <= width
        assert box.get_y() >= 0 and box.get_y() + box.get_height() <= height
    for layer in layers(figure):
        assert any(
            box.get_x() <= layer.get_x()
            and layer.get_x() + layer.get_width() <= box.get_x() + box.get_width() + 1e-9
            and box.get_y() <= layer.get_y()
            and layer.get_y() + layer.get_height() <= box.get_y() + box.get_height() + 1e-9
            for box in boxes
        )


def test_ops_of_another_kind_are_drawn_under_their_own_name():
    other = Architecture('other', 'f', 's', {}, (('block', 'conv3'), ('deep.x', 'k9e4')))
    figure = draw([other])
    assert {'conv3', 'K9E4'} <= set(texts(figure))
    assert len(layers(figure)) == 2


@given(st.lists(st.sampled_from(['k3e3', 'k7e6', 'k5e6', 'skip']), min_size=1, max_size=8))
@settings(max_examples=5, deadline=None)
def test_the_array_is_the_picture(options):
    figure = draw([architecture(*options)], ['title'])
    image = to_array(figure)
    width, height = figure.get_size_inches() * figure.dpi
    assert image.shape == (int(height), int(width), 3) and image.dtype == np.uint8
    assert (image[0] == 255).all() and (image[-1] == 255).all() and image.min() < 100
    assert np.array_equal(image, to_array(draw([architecture(*options)], ['title'])))
    for kernel in {int(o[1]) for o in options if o.endswith('e6')}:
        colour = np.round(np.array(to_rgb(COLOURS[kernel])) * 255)
        assert (np.abs(image - colour).max(-1) <= 1).sum() > 500


@pytest.mark.parametrize(
    ('count', 'titles', 'channels'), [(0, [], None), (1, ['a', 'b'], None), (2, None, [{}])]
)
def test_titles_and_channels_must_fit(count, titles, channels):
    with pytest.raises(ValueError, match=f'received {count} architectures'):
        draw([architecture('k3e6')] * count, titles, channels)


def test_it_needs_no_torch_and_opens_no_window():
    code = (
        'import sys; import mmtransfer.draw; '
        "sys.exit(' '.join({'torch', 'matplotlib.pyplot'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_residual_blocks_and_a_legend_that_fits():
    a = residual_space('resnet18').architecture(
        ['k3g1', 'k5g2', 'k5g4', 'k7g4', 'k7g8', 'k3g1', 'k3g1', 'k3g1']
    )
    figure = draw([a])
    texts = {t.get_text(): t for t in figure.axes[0].texts}
    assert {'K7G8', 'K5G2', 'kernel 7', '1 group', '8 groups'} <= texts.keys()
    to_array(figure)
    last = texts['8 groups'].get_window_extent()
    assert last.x1 < figure.bbox.x1
