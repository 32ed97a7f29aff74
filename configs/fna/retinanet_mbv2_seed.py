"""The rival: RetinaNet on the plain MobileNetV2, fine-tuned with the adapted network's schedule."""

_base_ = ['../_base_/retinanet_1088.py', '../_base_/mobilenet_v2.py', '../_base_/adapt_mmdet.py']

model = dict(backbone=_base_.plain, neck=dict(in_channels=_base_.channels))
train_dataloader = dict(batch_size=4)  # batch 32: 8 processes
auto_scale_lr = dict(enable=False, base_batch_size=32)
globals().update(_base_.adapt)
