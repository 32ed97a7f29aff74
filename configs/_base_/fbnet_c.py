"""FBNet-C as the plain backbone and as the supernet around it."""

# Train it, or convert: timm's has another 1x1 convolution in blocks of expansion 1, and that of
# Meta's mobile-vision has biased convolutions. Names as in timm, or ours, are read.
checkpoint = 'checkpoints/fbnet_c.pth'
channels = [24, 32, 112, 352]
plain = dict(
    _delete_=True,
    type='mmtransfer.AdaptedBackbone',
    architecture='fbnet_c',
    out_indices=(1, 2, 4, 6),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
supernet = dict(
    _delete_=True,
    type='mmtransfer.FNASupernet',
    seed='fbnet_c',
    out_indices=(1, 2, 4, 6),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
