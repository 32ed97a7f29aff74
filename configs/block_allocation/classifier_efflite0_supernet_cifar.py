"""The supernet of EfficientNet-Lite0 on the CIFAR subset; blocks beyond the seed's own begin as
copies of the last one of their stage."""

_base_ = './classifier_efflite0_default_cifar.py'

model = dict(backbone=dict(_base_.depth_supernet, out_indices=(6,)))
train_cfg = dict(max_epochs=12)
param_scheduler = [_base_.warm_up, dict(_base_.steps, milestones=[9, 11])]
default_hooks = dict(sample_path=dict(type='mmtransfer.SamplePathHook', evaluate='seed'))
