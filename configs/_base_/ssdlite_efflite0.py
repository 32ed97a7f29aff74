"""A narrow SSDLite on EfficientNet-Lite0, for images of 160 pixels and short schedules."""

_base_ = [
    'mmdet::_base_/models/ssd300.py',
    'mmdet::_base_/schedules/schedule_1x.py',
    'mmdet::_base_/default_runtime.py',
    './efflite0.py',
]

head_norm_cfg = dict(type='BN', eps=0.001, momentum=0.1)
# The expansion inside the first 192-channel layer (672 channels, stride 16), the last stage.
plain = dict(expand_indices=(5,), out_indices=(6,))
supernet = dict(
    plain,
    restrict={'stage5.layer0': ['k3e6', 'k5e6', 'k7e6']},
    temperature=0.9,
)

model = dict(
    data_preprocessor=_base_.pixels,
    backbone=dict(_base_.plain, **plain),
    neck=dict(
        _delete_=True,
        type='mmtransfer.SSDLiteNeck',
        in_channels=(672, 320),
        last_channels=320,
        extra_channels=(256, 128, 128),
        norm_cfg=head_norm_cfg,
        init_cfg=dict(type='TruncNormal', layer='Conv2d', std=0.03),
    ),
    bbox_head=dict(
        type='mmtransfer.SSDLiteHead',
        num_classes=3,
        in_channels=(672, 320, 256, 128, 128),
        norm_cfg=head_norm_cfg,
        # Less than the eps of the norms, so that logits and boxes begin small.
        init_cfg=dict(type='Normal', layer='Conv2d', std=0.001),
        anchor_generator=dict(
            _delete_=True,
            type='SSDAnchorGenerator',
            scale_major=False,
            strides=[16, 32, 54, 80, 160],
            ratios=[[2], [2, 3], [2, 3], [2], [2]],
            min_sizes=[16, 32, 64, 96, 128],
            max_sizes=[32, 64, 96, 128, 160],
        ),
    ),
)
