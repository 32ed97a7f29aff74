"""The rival: RetinaNet on the plain ResNet-50, with the adapted network's schedule."""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../_base_/resnet50.py',
    '../_base_/adapt_mmdet.py',
]

# Batch normalisation is frozen: running statistics, and weights that do not learn.
frozen = dict(frozen_stages=1, norm_cfg=dict(type='BN', requires_grad=False), norm_eval=True)
model = dict(backbone=dict(_base_.plain, **frozen), neck=dict(in_channels=_base_.channels))

warm_up = dict(_base_.warm_up, start_factor=0.001)
_base_.adapt.update(param_scheduler=[warm_up, _base_.steps])
_base_.adapt.optim_wrapper.optimizer = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)
globals().update(_base_.adapt)
auto_scale_lr = dict(enable=False, base_batch_size=16)
