"""MobileNetV2 of block allocation: the plain network, the supernet and a child of it.
Weights come from the trainings on the source. As in mmdet's own backbones, fine-tunes keep the
statistics of batch normalisation; the supernet needs those of the path that runs."""

channels = [24, 32, 96, 320]
shared = dict(_delete_=True, out_indices=(1, 2, 4, 6))
plain = dict(
    shared,
    type='mmtransfer.AdaptedBackbone',
    architecture='mobilenet_v2_expanded',
    frozen_stages=1,
    norm_eval=True,
)
child = dict(plain, blocks=[2, 2, 2, 3, 5], max_blocks=[5, 6, 8, 7, 7])
supernet = dict(
    shared,
    type='mmtransfer.DepthSupernet',
    seed='mobilenet_v2_expanded',
    max_blocks=[5, 6, 8, 7, 7],
    norm_cfg=dict(type='SyncBN'),
)
