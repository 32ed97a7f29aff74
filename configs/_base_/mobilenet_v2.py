"""MobileNetV2 as the plain backbone and as the supernet around it, with torchvision's weights."""

checkpoint = 'https://download.pytorch.org/models/mobilenet_v2-b0353104.pth'
pixels = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
channels = [24, 32, 96, 320]
shared = dict(
    _delete_=True,
    out_indices=(1, 2, 4, 6),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='mobilenet_v2')
supernet = dict(
    shared, type='mmtransfer.FNASupernet', seed='mobilenet_v2', layers=(4, 4, 4, 4, 4, 1)
)
