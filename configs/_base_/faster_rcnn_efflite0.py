"""A narrow Faster R-CNN on EfficientNet-Lite0, for images of 128 to 256 pixels, short schedules."""

_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    './efflite0.py',
]

proposals = dict(nms_pre=500, max_per_img=200)
model = dict(
    data_preprocessor=_base_.pixels,
    backbone=_base_.plain,
    neck=dict(in_channels=[24, 40, 112, 320], out_channels=64),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        anchor_generator=dict(scales=[4]),  # the smallest anchor has 16 pixels
    ),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=128, num_classes=3),
    ),
    train_cfg=dict(rpn_proposal=proposals, rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=proposals),
)
