"""Block allocation on DeepLabv3, ResNet-50, Cityscapes: the supernet of classifier_r50_supernet.py
is fine-tuned here, then the networks of every size are found."""

_base_ = [
    'mmseg::deeplabv3/deeplabv3_r50-d8_4xb2-80k_cityscapes-512x1024.py',
    '../_base_/depth_resnet50.py',
    '../_base_/greedy_mmseg.py',
]

model = dict(pretrained=None, backbone=dict(_base_.supernet, output_stride=8))
train_dataloader = dict(drop_last=True, sampler=_base_.sampler)
_base_.greedy.train_cfg.searcher.blocks = 16  # as many as the seed has
globals().update(_base_.greedy)
source = dict(
    checkpoint='work_dirs/classifier_r50_supernet', initialise=['decode_head.', 'auxiliary_head.']
)
default_hooks = dict(_base_.greedy.default_hooks, remap=dict(_base_.remap, **source))
