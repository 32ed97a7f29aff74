_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    '../_base_/mobilenet_v2.py',
    '../_base_/adapt_mmdet.py',
]
mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]  # torchvision's, RGB
model = dict(
    data_preprocessor=dict(mean=mean, std=std, bgr_to_rgb=True),
    backbone=_base_.plain,
    neck=dict(in_channels=_base_.channels),
)
train_cfg = _base_.adapt.train_cfg
optim_wrapper = _base_.adapt.optim_wrapper
param_scheduler = _base_.adapt.param_scheduler
default_hooks = _base_.adapt.default_hooks
train_dataloader = dict(batch_size=4)  # 8 processes
