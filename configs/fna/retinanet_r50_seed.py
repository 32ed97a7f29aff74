"""The rival: RetinaNet on the plain ResNet-50, with the adapted network's schedule."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/resnet50.py',
    '../_base_/adapt_mmdet.py',
]

# Batch normalisation is frozen: running statistics, and weights that do not learn.
plain = _base_.plain
plain.update(frozen_stages=1, norm_cfg=dict(type='BN', requires_grad=False), norm_eval=True)
model = dict(backbone=plain, neck=dict(in_channels=_base_.channels))

train_cfg = _base_.adapt.train_cfg
optim_wrapper = _base_.adapt.optim_wrapper
optim_wrapper.optimizer = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)
param_scheduler = _base_.adapt.param_scheduler
param_scheduler[0].start_factor = 0.001
default_hooks = _base_.adapt.default_hooks
auto_scale_lr = dict(enable=False, base_batch_size=16)
