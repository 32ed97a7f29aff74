"""The rival: the plain MnasNet-b0, [3, 3, 3, 2, 4], trained on the source."""

_base_ = ['../_base_/classifier.py', '../_base_/imagenet.py']

model = dict(
    backbone=dict(type='mmtransfer.AdaptedBackbone', architecture='mnasnet', out_indices=(6,)),
    label_smoothing=_base_.source.label_smoothing,
)
param_scheduler = [_base_.source.warm_up, *_base_.param_scheduler]
auto_scale_lr = _base_.source.auto_scale_lr
