"""ResNet-50 as the plain backbone and as the supernet around it, with torchvision's weights."""

checkpoint = 'https://download.pytorch.org/models/resnet50-0676ba61.pth'
channels = [256, 512, 1024, 2048]
shared = dict(
    _delete_=True,
    out_indices=(0, 1, 2, 3),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='resnet50')
supernet = dict(shared, type='mmtransfer.FNASupernet', seed='resnet50')
