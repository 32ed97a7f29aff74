"""ResNet-50 as the plain backbone and as the supernet around it, with torchvision's weights."""

checkpoint = 'https://download.pytorch.org/models/resnet50-0676ba61.pth'
channels = [256, 512, 1024, 2048]
plain = dict(
    _delete_=True,
    type='mmtransfer.AdaptedBackbone',
    architecture='resnet50',
    out_indices=(0, 1, 2, 3),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
supernet = dict(
    _delete_=True,
    type='mmtransfer.FNASupernet',
    seed='resnet50',
    out_indices=(0, 1, 2, 3),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
