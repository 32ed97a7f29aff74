"""What SSDLite on MobileNetV2 (FNA++, Sec. 4.2) replaces in the model of mmdet's SSDLite config."""

_base_ = './mobilenet_v2.py'

# The expansion inside the first 160-channel layer (576 channels, stride 16), and the last stage.
plain = dict(expand_indices=(5,), out_indices=(6,))
supernet = dict(
    expand_indices=(5,),
    out_indices=(6,),
    restrict={'stage5.layer0': ['k3e6', 'k5e6', 'k7e6']},  # so the first head has its 576 channels
    temperature=0.9,
)
neck = dict(
    _delete_=True,
    type='mmtransfer.SSDLiteNeck',
    in_channels=(576, 320),
    last_channels=1280,
    extra_channels=(512, 256, 256, 128),
    init_cfg=[
        dict(type='TruncNormal', layer='Conv2d', std=0.03),  # as in mmdet
        dict(type='mmtransfer.Remap', seed='mobilenet_v2', checkpoint=_base_.checkpoint),
    ],
)
head = dict(
    type='mmtransfer.SSDLiteHead',
    in_channels=(576, 1280, 512, 256, 256, 128),
    anchor_generator=dict(ratios=[[2], [2, 3], [2, 3], [2, 3], [2], [2]]),
)
