"""A narrow RetinaNet on EfficientNet-Lite0, for images of 128 to 256 pixels and short schedules."""

_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    './efflite0.py',
]

model = dict(
    data_preprocessor=_base_.pixels,
    backbone=_base_.plain,
    neck=dict(in_channels=[24, 40, 112, 320], out_channels=64),
    bbox_head=dict(
        num_classes=3,
        in_channels=64,
        feat_channels=64,
        stacked_convs=2,
        anchor_generator=dict(octave_base_scale=2),  # the smallest anchor has 16 pixels
    ),
)
