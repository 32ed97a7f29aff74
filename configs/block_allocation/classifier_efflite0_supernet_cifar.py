"""The supernet of EfficientNet-Lite0 on the CIFAR subset; blocks beyond the seed's own begin as
copies of the last one of their stage."""

_base_ = './classifier_efflite0_default_cifar.py'

model = dict(backbone=dict(_base_.depth_supernet, out_indices=(6,)))
train_cfg = dict(max_epochs=12)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(type='MultiStepLR', by_epoch=True, milestones=[9, 11], gamma=0.1),
]
custom_hooks = [dict(type='mmtransfer.SamplePathHook', evaluate='seed'), *_base_.custom_hooks]
