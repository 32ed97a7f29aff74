"""Proxyless (mobile) as the plain backbone and as the supernet around it, its authors' weights."""

checkpoint = 'https://hanlab.mit.edu/files/proxylessNAS/proxyless_mobile.pth'
channels = [32, 40, 96, 320]
shared = dict(
    _delete_=True,
    out_indices=(1, 2, 4, 6),
    init_cfg=dict(type='mmtransfer.Remap', checkpoint=checkpoint),
)
plain = dict(shared, type='mmtransfer.AdaptedBackbone', architecture='proxyless_mobile')
supernet = dict(shared, type='mmtransfer.FNASupernet', seed='proxyless_mobile')
