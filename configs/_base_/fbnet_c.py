"""FBNet-C as the plain backbone and as the supernet around it."""

# As FNA++ counts it there is no expansion convolution at expansion 1, and no published file is like
# that: train it, or take timm's fbnetc_100 with the seed 'fbnet_c_expanded' in both places below.
checkpoint = 'checkpoints/fbnet_c.pth'
channels = [24, 32, 112, 352]
shared = dict(
    _delete_=True,
    out_indices=(1, 2, 4, 6),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='fbnet_c')
supernet = dict(shared, type='mmtransfer.FNASupernet', seed='fbnet_c')
