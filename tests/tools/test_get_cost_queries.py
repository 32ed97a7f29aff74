"""Costs of detectors with queries, transformer heads of segmentors, heads of pose estimators."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import BaseDataElement
from torch.nn import functional as F

from mmtransfer.cost.config import build_model
from mmtransfer.cost.counter import count_model
from mmtransfer.tools import get_cost as tool

ROOT = Path(__file__).resolve().parents[2]


# Of MMCV and PyTorch, which the toolboxes call by older names.
pytestmark = [
    pytest.mark.filterwarnings(f'ignore:{message}')
    for message in (
        '.* is deprecated in `.*.__init__`, please use',
        'The arguments `dropout` in MultiheadAttention',
        '.torch.cuda.amp.autocast',
        'User provided device_type of .cuda.',
    )
]
SIZE = (64, 96)
WIDTH, HIDDEN = 256, 2048  # of a transformer and of its feed-forward networks
C5 = 'out_indices=(6,)'
C3_TO_C5 = 'out_indices=(2, 4, 6)'


def adapted(base, indices=C5, channels=(320,), more=''):
    """The toolbox's own config with an adapted backbone."""
    backbone = "_delete_=True, type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2'"
    return (
        f"_base_ = '{base}'\n"
        f'model = dict(backbone=dict({backbone}, {indices}), '
        f'neck=dict(in_channels={list(channels)}){more})\n'
    )


def one_layer(more=''):
    """Of encoder and decoder each."""
    return f', encoder=dict(num_layers=1), decoder=dict(num_layers=1{more})'


def counts(tmp_path, text, size=SIZE):
    path = tmp_path / 'config.py'
    path.write_text(text)
    args = tool.parse_args([str(path), '--shape', *map(str, size)])
    return tool.get_cost(args), Config.fromfile(str(path))


def linear(rows, inputs, outputs):
    """With a bias."""
    return rows * (inputs + 1) * outputs


def attention(queries, keys):
    return linear(2 * queries + 2 * keys, WIDTH, WIDTH)


def feed_forward(rows, hidden=HIDDEN):
    return linear(rows, WIDTH, hidden) + linear(rows, hidden, WIDTH)


@contextmanager
def linears_and_convolutions(model):
    """Multiply-adds of what really runs, from the calls of F.linear and of convolutions alone."""
    total = [0]
    known = F.linear

    def counted(x, weight, bias=None):
        total[0] += x.numel() * weight.shape[0]
        out = known(x, weight, bias)
        total[0] += 0 if bias is None else out.numel()
        return out

    def hook(module, args, out):
        total[0] += out.numel() // out.shape[1] * module.weight.numel()
        total[0] += 0 if module.bias is None else out.numel()

    hooks = [
        m.register_forward_hook(hook)
        for name, m in model.named_modules()
        if isinstance(m, torch.nn.Conv2d) and not name.startswith('auxiliary_head')
    ]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with patch.object(F, 'linear', counted), torch.no_grad():
        yield total
    torch.backends.mha.set_fastpath_enabled(fast)
    for handle in hooks:
        handle.remove()


def really(cfg, size=SIZE):
    """The same for the model of a config, run on a random image on the CPU."""
    model = build_model(cfg)
    model.eval()
    shapes = dict.fromkeys(('img_shape', 'ori_shape', 'pad_shape', 'batch_input_shape'), size)
    image = torch.rand(1, 3, *size)
    with linears_and_convolutions(model) as total:
        if hasattr(model, 'encode_decode'):
            model.encode_decode(image, [shapes])
        else:
            model(image, [BaseDataElement(metainfo=shapes)], mode='tensor')
    return total[0]


def test_detr_by_hand(tmp_path):
    base = 'mmdet::detr/detr_r50_8xb2-150e_coco.py'
    found, cfg = counts(tmp_path, adapted(base))
    n, q = 2 * 3, 100
    encoder = attention(n, n) + feed_forward(n)
    decoder = attention(q, q) + attention(q, n) + feed_forward(q)
    branch = 2 * linear(q, WIDTH, WIDTH) + linear(q, WIDTH, 4) + linear(q, WIDTH, 81)
    assert found['madds']['head'] == 6 * (encoder + decoder + branch)
    assert found['madds']['neck'] == linear(n, 320, WIDTH)
    assert found['madds']['total'] == sum(found['madds'][p] for p in ('backbone', 'neck', 'head'))
    assert found['madds']['total'] == really(cfg)
    assert 'reasons' not in found and 'products of two feature maps' in found['notes']['head']
    assert found['params']['total'] == sum(p.numel() for p in build_model(cfg).parameters())


def test_deformable_detr_by_hand(tmp_path):
    base = 'mmdet::deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'
    found, cfg = counts(tmp_path, adapted(base, C3_TO_C5, (32, 96, 320)))
    n, q = 8 * 12 + 4 * 6 + 2 * 3 + 1 * 2, 300

    def deformable(queries):
        sampled = linear(queries, WIDTH, 8 * 4 * 4 * 2) + linear(queries, WIDTH, 8 * 4 * 4)
        return linear(n, WIDTH, WIDTH) + sampled + linear(queries, WIDTH, WIDTH)

    encoder = deformable(n) + feed_forward(n, 1024)
    decoder = attention(q, q) + deformable(q) + feed_forward(q, 1024)
    branch = 2 * linear(q, WIDTH, WIDTH) + linear(q, WIDTH, 4) + linear(q, WIDTH, 80)
    points = linear(q, WIDTH, 2)
    assert found['madds']['head'] == 6 * (encoder + decoder + branch) + points
    assert found['madds']['total'] == really(cfg)


@pytest.mark.parametrize(
    ('base', 'indices', 'channels'),
    [
        ('conditional_detr/conditional-detr_r50_8xb2-50e_coco.py', C5, (320,)),
        ('dab_detr/dab-detr_r50_8xb2-50e_coco.py', C5, (320,)),
        ('dino/dino-4scale_r50_8xb2-12e_coco.py', C3_TO_C5, (32, 96, 320)),
    ],
)
def test_detectors_with_queries_as_they_run(tmp_path, base, indices, channels):
    fewer = ', num_queries=40' if 'dino' in base else ''
    more = one_layer() + fewer
    found, cfg = counts(tmp_path, adapted(f'mmdet::{base}', indices, channels, more))
    assert found['madds']['head'] > 10_000_000
    assert found['madds']['total'] == really(cfg)


def test_sparse_rcnn_by_hand(tmp_path):
    base = 'mmdet::sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py'
    more = ', rpn_head=dict(num_proposals=20)'
    text = adapted(base, 'out_indices=(1, 2, 4, 6)', (24, 32, 96, 320), more)
    found, _ = counts(tmp_path, text)
    q, area = 20, 49
    # Filters of 256 x 64 and 64 x 256 are made for each proposal; what they do is no linear layer.
    made = linear(q, WIDTH, 2 * WIDTH * 64) + linear(q, area * WIDTH, WIDTH)
    towers = 4 * q * WIDTH * WIDTH  # one layer for classes, three for boxes, without bias
    ends = linear(q, WIDTH, 80) + linear(q, WIDTH, 4)
    stage = attention(q, q) + made + feed_forward(q) + towers + ends
    assert found['madds']['head'] == 6 * stage
    assert 'reasons' not in found and 'filters made for each image' in found['notes']['head']


@pytest.mark.parametrize(
    'base, more',
    [
        (
            'mmseg::mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py',
            'decode_head=dict(in_channels=[24, 32, 96, 320], num_queries=10, '
            'transformer_decoder=dict(num_layers=1))',
        ),
        ('mmseg::segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py', None),
        ('mmseg::segmenter/segmenter_vit-t_mask_8xb1-160k_ade20k-512x512.py', None),
    ],
)
def test_transformer_heads_of_segmentors(tmp_path, base, more):
    backbone = (
        "_delete_=True, type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2', "
        'out_indices=(1, 2, 4, 6)'
    )
    text = f"_base_ = '{base}'\n"
    if more:
        text += f'model = dict(backbone=dict({backbone}), {more})\n'
    size = (512, 512) if 'segmenter' in base else SIZE
    found, cfg = counts(tmp_path, text, size)
    assert found['madds']['head'] > 0 and 'reasons' not in found
    assert found['madds']['total'] == really(cfg, size)


POSE = 'mmpose::body_2d_keypoint'


@pytest.mark.parametrize(
    ('base', 'size'),
    [
        ('rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py', (256, 192)),
        ('simcc/coco/simcc_mobilenetv2_wo-deconv-8xb64-210e_coco-256x192.py', (256, 192)),
        ('topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py', (256, 192)),
        ('integral_regression/coco/ipr_res50_dsnt-8xb64-210e_coco-256x256.py', (256, 256)),
    ],
)
def test_heads_of_pose_estimators(tmp_path, base, size):
    found, cfg = counts(tmp_path, f"_base_ = '{POSE}/{base}'\n", size)
    deconvolutions = {'ipr': 3}.get(Path(base).name[:3], 0)
    if not deconvolutions:
        assert found['madds']['total'] == really(cfg, size)
    else:  # once per input position: 4 x 4 kernels, 256 channels, from 8 x 8 to 64 x 64
        first, other = 2048 * 256 * 16 * 8 * 8, 256 * 256 * 16
        final = 64 * 64 * (256 + 1) * 17
        assert found['madds']['head'] == first + other * (16 * 16 + 32 * 32) + final
    if 'td-reg' in base:
        assert found['madds']['head'] == linear(1, 2048, 17 * 2)
    assert 'reasons' not in found


def test_of_a_student_and_its_teacher_one_is_counted(tmp_path):
    semi = 'mmdet::soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py'
    found, _ = counts(tmp_path, f"_base_ = '{semi}'\n")
    alone, _ = counts(tmp_path, "_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'\n"
                      "model = dict(backbone=dict(style='caffe'))\n")  # fmt: skip
    assert found == alone


HTC = 'mmdet::htc/htc_r50_fpn_1x_coco.py'


def test_a_part_that_cannot_be_counted_is_named_and_the_rest_reported(
    tmp_path, capsys, monkeypatch
):
    path = tmp_path / 'config.py'
    path.write_text(f"_base_ = '{HTC}'\n")
    argv = ['get_cost.py', str(path), '--shape', '64', '96']
    monkeypatch.setattr(sys, 'argv', [*argv, '--json'])
    assert not tool.main()
    found = json.loads(capsys.readouterr().out)
    assert found['madds']['head'] is found['madds']['total'] is None
    assert found['madds']['backbone'] > 0 < found['madds']['neck']
    assert found['params']['head'] > 0
    assert list(found['reasons']) == ['head']
    assert 'roi_head.semantic_head (FusedSemanticHead)' in found['reasons']['head']
    monkeypatch.setattr(sys, 'argv', argv)
    assert not tool.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ['head', f'{found["params"]["head"]:,}', 'not', 'counted']
    assert lines[-1] == f'head: {found["reasons"]["head"]}'


def test_counting_leaves_the_weights(tmp_path):
    _, cfg = counts(tmp_path, adapted('mmdet::detr/detr_r50_8xb2-150e_coco.py', more=one_layer()))
    model = build_model(cfg)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count_model(model, SIZE)
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
