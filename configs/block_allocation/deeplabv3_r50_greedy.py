"""Block allocation on DeepLabv3, ResNet-50, Cityscapes: the supernet of classifier_r50_supernet.py
is fine-tuned here, then the networks of every size are found."""

_base_ = [
    'mmseg::deeplabv3/deeplabv3_r50-d8_4xb2-80k_cityscapes-512x1024.py',
    '../_base_/depth_resnet50.py',
    '../_base_/greedy_mmseg.py',
]

model = dict(pretrained=None, backbone=dict(_base_.supernet, output_stride=8))
train_dataloader = dict(drop_last=True, sampler=_base_.greedy.sampler)
train_cfg = _base_.greedy.train_cfg
train_cfg.searcher.blocks = 16  # as many as the seed has
optim_wrapper = _base_.greedy.optim_wrapper
param_scheduler = _base_.greedy.param_scheduler
default_hooks = _base_.greedy.default_hooks
log_processor = _base_.greedy.log_processor
visualizer = _base_.greedy.visualizer
custom_hooks = [
    dict(
        type='mmtransfer.RemapHook',
        checkpoint='work_dirs/classifier_r50_supernet',
        initialise=['decode_head.', 'auxiliary_head.'],
    ),
    *_base_.custom_hooks,
]
