"""The rival: mmseg's DeepLabv3 on Cityscapes at output stride 8, on the plain ResNet-50."""

_base_ = [
    'mmseg::deeplabv3/deeplabv3_r50-d8_4xb2-80k_cityscapes-512x1024.py',
    '../_base_/depth_resnet50.py',
    '../_base_/adapt_mmseg.py',
]

# mmseg's networks learn their statistics of batch normalisation on the target.
plain = dict(output_stride=8, frozen_stages=-1, norm_eval=False, norm_cfg=dict(type='SyncBN'))
child = plain
model = dict(pretrained=None, backbone=dict(_base_.plain, **plain))
optim_wrapper = dict(type='mmtransfer.RegularisedOptimWrapper')
source = dict(
    checkpoint='work_dirs/classifier_r50_default', initialise=['decode_head.', 'auxiliary_head.']
)
default_hooks = dict(_base_.adapt.default_hooks, remap=dict(_base_.remap, **source))
