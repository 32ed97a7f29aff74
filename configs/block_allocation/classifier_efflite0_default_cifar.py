"""The rival: EfficientNet-Lite0 with its ImageNet weights on the CIFAR subset."""

_base_ = ['../_base_/classifier.py', '../_base_/data/cifar.py', '../_base_/efflite0.py']

backbone = _base_.plain
backbone.pop('_delete_')
backbone.out_indices = (6,)
model = dict(
    data_preprocessor=_base_.pixels,
    backbone=backbone,
    num_classes=10,
    label_smoothing=0.1,
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=_base_.checkpoint),
)
train_cfg = dict(max_epochs=20)
optim_wrapper = dict(optimizer=dict(lr=0.02))
warm_up = dict(_base_.warm_up, start_factor=0.1, end=50)
param_scheduler = [warm_up, dict(_base_.steps, milestones=[13, 16])]
default_hooks = dict(logger=dict(interval=20))
