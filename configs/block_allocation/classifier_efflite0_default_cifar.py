"""The rival: EfficientNet-Lite0 with its ImageNet weights on the CIFAR subset."""

_base_ = ['../_base_/classifier.py', '../_base_/cifar.py', '../_base_/efflite0.py']

backbone = _base_.plain
backbone.pop('_delete_')
backbone.out_indices = (6,)
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True),
    backbone=backbone,
    num_classes=10,
    label_smoothing=0.1,
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=_base_.checkpoint),
)
train_cfg = dict(max_epochs=20)
optim_wrapper = dict(optimizer=dict(lr=0.02))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[13, 16], gamma=0.1),
]
default_hooks = dict(logger=dict(interval=20))
