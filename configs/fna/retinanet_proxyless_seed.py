"""The rival: RetinaNet on the plain Proxyless (mobile), with the adapted network's schedule."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/proxyless_mobile.py',
    '../_base_/adapt_mmdet.py',
]

model = dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels))

# Short side 800, long side at most 1088. Batch 32: 8 processes x 4 images.
train_pipeline = _base_.train_pipeline
train_pipeline[2].scale = (1088, 800)
test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = (1088, 800)
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = _base_.adapt.train_cfg
optim_wrapper = _base_.adapt.optim_wrapper
param_scheduler = _base_.adapt.param_scheduler
default_hooks = _base_.adapt.default_hooks
auto_scale_lr = dict(enable=False, base_batch_size=32)
