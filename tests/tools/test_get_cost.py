"""Published rows (FNA++), and the toolboxes' own configs against counts by hand."""

import json
import re
import sys
from pathlib import Path

import pytest

from mmtransfer.cost import cost_table
from mmtransfer.spaces import allocation, mbconv_space, seed_architecture
from mmtransfer.tools import get_cost as tool
from tests.processes import run_program

ROOT = Path(__file__).resolve().parents[2]

CONFIGS = ROOT / 'configs' / 'fna'
RETINANET = {
    'params': {'backbone': 1_811_712, 'neck': 3_213_312, 'head': 6_463_220, 'total': 11_488_244},
    'madds': {
        'backbone': 4_847_148_800,
        'neck': 11_002_269_696,
        'head': 117_204_031_480,
        'total': 133_053_449_976,
    },
}
# RetinaNet FNA: the ops of each searched stage.
FNA = ['k3e6 k3e6', 'k7e6 k5e6', 'k3e6 k5e6 k7e6 k3e6', 'k5e6 k7e6', 'k7e6 k7e6 k7e3 k7e6', 'k7e6']


def cost(config, *arguments, shape=(800, 1088)):
    args = tool.parse_args([str(config), '--shape', *map(str, shape), *map(str, arguments)])
    return tool.get_cost(args)


@pytest.fixture(scope='module')
def fna(tmp_path_factory):
    """The architecture file of the paper's RetinaNet FNA."""
    space = mbconv_space('mobilenet_v2')
    depths = space.rule['layers']
    rows = [(ops.split() + ['skip'] * 4)[:n] for ops, n in zip(FNA, depths, strict=True)]
    path = tmp_path_factory.mktemp('fna') / 'architecture.json'
    space.architecture([op for row in rows for op in row]).write(path)
    return path


def config(folder, text):
    path = folder / 'config.py'
    path.write_text(text)
    return path


@pytest.mark.parametrize('shape', [(800, 1088), (1088, 800)])
def test_retinanet_mobilenet_v2(shape):
    counts = cost(CONFIGS / 'retinanet_mbv2_seed.py', shape=shape)
    assert counts == RETINANET
    assert round(counts['params']['total'] / 1e6, 4) == 11.4882
    assert [round(v / 1e9, 4) for v in counts['madds'].values()] == [
        4.8471,
        11.0023,
        117.2040,
        133.0534,
    ]


@pytest.mark.parametrize('stage', ['search', 'adapt', 'seed'])
def test_retinanet_fna(stage, fna):
    counts = cost(CONFIGS / f'retinanet_mbv2_{stage}.py', '--architecture', fna)
    assert counts['params']['total'] == pytest.approx(11.7322e6, rel=5e-4)
    assert counts['madds']['total'] == pytest.approx(133.0297e9, rel=5e-4)
    assert round(counts['params']['total'] / 1e6, 2) == 11.73
    assert round(counts['madds']['total'] / 1e9, 2) == 133.03


@pytest.mark.parametrize(
    ('seed', 'published', 'params', 'madds'),
    [
        ('r18', '21.41M / 160.28B', 21.4101e6, 160.2791e9),
        ('r50', '37.97M / 202.84B', 37.9687e6, 202.8404e9),
        ('fbnetc', '12.65M / 134.17B', 12.6459e6, 134.1750e9),
        ('proxyless', '12.07M / 133.42B', 12.0659e6, 133.4222e9),
    ],
)
def test_retinanet_on_the_other_seeds(seed, published, params, madds, tmp_path):
    counts = cost(CONFIGS / f'retinanet_{seed}_seed.py')
    assert counts['params']['total'] == pytest.approx(params, rel=5e-6)
    assert counts['madds']['total'] == pytest.approx(madds, rel=5e-6)
    total = counts['params']['total'] / 1e6, counts['madds']['total'] / 1e9
    assert f'{total[0]:.2f}M / {total[1]:.2f}B' == published
    if seed[0] == 'r':  # the same as mmdet's own ResNet
        depth = seed.removeprefix('r')
        base = f"_base_ = 'mmdet::retinanet/retinanet_r{depth}_fpn_1x_coco.py'"
        assert cost(config(tmp_path, base)) == counts


def test_faster_rcnn_heads_see_max_per_img_proposals(tmp_path):
    base = "_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'\n"
    many = cost(config(tmp_path, base), shape=(256, 320))
    fewer = 'model = dict(test_cfg=dict(rpn=dict(max_per_img=100)))'
    few = cost(config(tmp_path, base + fewer), shape=(256, 320))
    # Two shared layers, 81 classes and 80 boxes; a bias each.
    fcs = [(256 * 49, 1024), (1024, 1024), (1024, 81), (1024, 320)]
    each = sum(i * o + o for i, o in fcs)
    assert many['madds']['head'] - few['madds']['head'] == 900 * each
    anchors = sum(-(-256 // s) * -(-320 // s) for s in (4, 8, 16, 32, 64))
    rpn = anchors * (256 * 256 * 9 + 256 + 256 * 3 + 3 + 256 * 12 + 12)
    assert few['madds']['head'] == 100 * each + rpn
    assert many['params'] == few['params']
    assert many['params']['head'] == each + 256 * 256 * 9 + 256 + 257 * 15


def test_fcos(tmp_path):
    counts = cost(config(tmp_path, "_base_ = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'"))
    positions = sum(-(-800 // s) * -(-1088 // s) for s in (8, 16, 32, 64, 128))
    tower = 256 * 256 * 9  # no bias, then a group norm
    assert counts['madds']['head'] == positions * (8 * tower + (256 * 9 + 1) * (80 + 4 + 1))


def test_deeplabv3_without_its_auxiliary_head(tmp_path):
    path = config(
        tmp_path,
        "_base_ = 'mmseg::mobilenet_v2/mobilenet-v2-d8_deeplabv3_4xb2-80k_cityscapes-512x1024.py'",
    )
    counts = cost(path, shape=(512, 1024))
    space = mbconv_space('mobilenet_v2')
    seed = seed_architecture('mobilenet_v2')
    assert counts['params']['backbone'] == cost_table(space, (512, 1024), 'params').of(seed)
    assert counts['params']['neck'] == counts['madds']['neck'] == 0
    # ASPP on 320 channels, width 512: image pooling, 1x1, three 3x3, a 3x3 to fuse, 19 classes.
    convs = [320 * 512] * 2 + [320 * 512 * 9] * 3 + [5 * 512 * 512 * 9]
    assert counts['params']['head'] == sum(convs) + 6 * 1024 + 19 * 513
    dense = sum(convs[1:]) + 19 * 513
    assert counts['madds']['head'] == 64 * 128 * dense + 320 * 512


FOUND = CONFIGS / 'architectures/deeplabv3_mbv2_fna.json'


@pytest.mark.parametrize(
    'name, found, params, madds',
    [
        ('deeplabv3_mbv2_seed', None, 2.5675, 24.5217),
        ('deeplabv3_mbv2_seed', FOUND, 2.4664, 24.1749),
        ('deeplabv3_mbv2_search', FOUND, 2.4664, 24.1749),
        ('deeplabv3_mbv2_adapt', FOUND, 2.4664, 24.1749),
        ('deeplabv3plus_mbv2_adapt', FOUND, 5.7147, 210.1092),
        ('deeplabv3plus_mbv2_adapt_os8', FOUND, 5.7147, 313.8702),
    ],
)
def test_deeplab_rows(name, found, params, madds):
    """Table 2 of FNA++, at 1024 x 2048; rounded there to two decimals."""
    arguments = [] if found is None else ['--architecture', found]
    counts = cost(CONFIGS / f'{name}.py', *arguments, shape=(1024, 2048))
    assert round(counts['params']['total'] / 1e6, 4) == params
    assert round(counts['madds']['total'] / 1e9, 4) == madds


def test_the_found_deeplab_architecture_notes_its_cost():
    counts = cost(CONFIGS / 'deeplabv3_mbv2_adapt.py', '--architecture', FOUND, shape=(1024, 2048))
    noted = json.loads(FOUND.read_text())
    assert noted['cost'] == {key: counts[key]['backbone'] for key in ('madds', 'params')}
    assert noted['input_size'] == [1024, 2048] and noted['rule']['layers'] == [4, 4, 6, 6, 4, 1]


MPII = 'mmpose::body_2d_keypoint/topdown_heatmap/mpii'
POSE = f"""
_base_ = '{MPII}/td-hm_mobilenetv2_8xb64-210e_mpii-256x256.py'
backbone = dict(
    _delete_=True, type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2', out_indices=(6,))
model = dict(backbone=backbone, head=dict(in_channels=320))
"""


def test_simple_baseline_mobilenet_v2(tmp_path):
    path = config(tmp_path, POSE)
    true = cost(path, shape=(256, 256))
    assert true['params']['total'] == pytest.approx(5.2252e6, rel=5e-4)
    assert true['madds']['total'] == pytest.approx(1.808e9, rel=5e-4)
    paper = cost(path, '--convention', 'paper-fna-pose', shape=(256, 256))
    assert paper['madds']['total'] == pytest.approx(6.0861e9, rel=5e-4)
    assert paper['params'] == true['params']
    for stage in ('seed', 'search', 'adapt'):
        ours = CONFIGS / f'simplebaseline_mbv2_{stage}.py', '--architecture', 'mobilenet_v2'
        assert cost(*ours, shape=(256, 256)) == true
        assert cost(*ours, '--convention', 'paper-fna-pose', shape=(256, 256)) == paper


def test_an_allocation_into_a_depth_supernet_and_into_a_child(tmp_path):
    """In G of 1.024e9, as the paper has them."""
    path = tmp_path / 'architecture.json'
    allocation('resnet50', [1, 3, 7, 5], [8, 10, 36, 14]).write(path)
    configs = CONFIGS.parent / 'block_allocation'
    for name in ('classifier_r50_supernet', 'classifier_r50_child'):
        counts = cost(configs / f'{name}.py', '--architecture', path, shape=(224, 224))
        assert round(counts['madds']['backbone'] / 1.024e9, 4) == 3.9913


def test_an_architecture_into_a_stock_backbone_is_refused(tmp_path, fna):
    path = config(tmp_path, "_base_ = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'")
    with pytest.raises(ValueError, match="AdaptedBackbone or a supernet .*FNASupernet.*'ResNet'"):
        cost(path, '--architecture', fna)


def test_an_architecture_that_does_not_fit_the_neck_is_refused():
    with pytest.raises(ValueError, match=r'\[24, 40, 112, 320\].*received \[24, 32, 96, 320\]'):
        cost(CONFIGS / 'retinanet_mbv2_adapt.py', '--architecture', 'efficientnet_lite0')


def test_unknown_conventions_are_refused_with_the_valid_ones(capsys):
    with pytest.raises(SystemExit):
        tool.parse_args([__file__, '--shape', '8', '8', '--convention', 'mine'])
    message = capsys.readouterr().err
    for name in ('mine', 'mmtransfer', 'paper-block-allocation', 'paper-nettailor'):
        assert name in message


def test_the_table_for_people():
    assert tool.table(RETINANET).splitlines() == [
        '                    params               madds',
        'backbone         1,811,712       4,847,148,800',
        'neck             3,213,312      11,002,269,696',
        'head             6,463,220     117,204,031,480',
        'total           11,488,244     133,053,449,976',
    ]


def test_the_command_prints_json_and_nothing_else(tmp_path):
    arguments = (CONFIGS / 'retinanet_mbv2_seed.py', '--shape', 800, 1088, '--json')
    done = run_program(ROOT / 'tools/get_cost.py', *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RETINANET
    assert done.stdout.count('\n') == 1


def test_the_command_names_a_missing_architecture_file(monkeypatch, capsys):
    arguments = ['--shape', '800', '1088', '--architecture', 'nowhere.json']
    seed = str(CONFIGS / 'retinanet_mbv2_seed.py')
    monkeypatch.setattr(sys, 'argv', ['get_cost.py', seed, *arguments])
    assert tool.main() == 2
    said = capsys.readouterr().err
    assert re.search(r"error: .*'nowhere.json'.*tools/train.py", said)
