"""The supernet of MnasNet-b0 on the source, ImageNet; every step runs a path drawn uniformly."""

_base_ = ['../_base_/classifier.py', '../_base_/imagenet.py']

model = dict(
    backbone=dict(
        type='mmtransfer.DepthSupernet',
        seed='mnasnet',
        max_blocks=[5, 6, 8, 7, 7],
        out_indices=(6,),
    ),
    label_smoothing=_base_.source.label_smoothing,
)
param_scheduler = [_base_.source.warm_up, *_base_.param_scheduler]
custom_hooks = [dict(type='mmtransfer.SamplePathHook'), *_base_.custom_hooks]
auto_scale_lr = _base_.source.auto_scale_lr
