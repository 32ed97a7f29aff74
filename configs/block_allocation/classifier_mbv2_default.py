"""The rival: the plain MobileNetV2, [2, 3, 4, 3, 3], trained on the source."""

_base_ = ['../_base_/classifier.py', '../_base_/imagenet.py']

model = dict(
    backbone=dict(
        type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2_expanded', out_indices=(6,)
    ),
    label_smoothing=_base_.source.label_smoothing,
)
param_scheduler = [_base_.source.warm_up, *_base_.param_scheduler]
auto_scale_lr = _base_.source.auto_scale_lr
