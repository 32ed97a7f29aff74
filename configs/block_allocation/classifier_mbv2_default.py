"""The rival: the plain MobileNetV2, [2, 3, 4, 3, 3], trained on the source."""

_base_ = '../_base_/jobs/classifier_imagenet.py'

model = dict(
    backbone=dict(
        type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2_expanded', out_indices=(6,)
    )
)
