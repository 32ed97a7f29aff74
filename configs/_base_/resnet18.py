"""ResNet-18 as the plain backbone and as the supernet around it, with torchvision's weights."""

checkpoint = 'https://download.pytorch.org/models/resnet18-f37072fd.pth'
channels = [64, 128, 256, 512]
shared = dict(
    _delete_=True,
    out_indices=(0, 1, 2, 3),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='resnet18')
supernet = dict(shared, type='mmtransfer.FNASupernet', seed='resnet18')
