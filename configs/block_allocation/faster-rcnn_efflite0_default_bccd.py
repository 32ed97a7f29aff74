"""The rival: a narrow Faster R-CNN on the plain EfficientNet-Lite0, fine-tuned on BCCD."""

_base_ = [
    '../_base_/faster_rcnn_efflite0.py',
    '../_base_/bccd.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    '../_base_/adapt_mmdet.py',
]

train_cfg = _base_.adapt.train_cfg
train_cfg.update(max_epochs=16, val_interval=2)
optim_wrapper = _base_.adapt.optim_wrapper
optim_wrapper.optimizer = dict(type='AdamW', lr=5e-4, weight_decay=0.01)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[9, 12], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=5), checkpoint=_base_.adapt.default_hooks.checkpoint)
