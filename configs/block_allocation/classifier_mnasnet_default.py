"""The rival: the plain MnasNet-b0, [3, 3, 3, 2, 4], trained on the source."""

_base_ = '../_base_/jobs/classifier_imagenet.py'

model = dict(
    backbone=dict(type='mmtransfer.AdaptedBackbone', architecture='mnasnet', out_indices=(6,))
)
