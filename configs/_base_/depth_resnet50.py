"""ResNet-50 of block allocation: the plain network, the supernet and a child of it.
Weights come from the trainings on the source. As in mmdet's own backbones, fine-tunes keep the
statistics of batch normalisation; the supernet needs those of the path that runs."""

channels = [256, 512, 1024, 2048]
shared = dict(_delete_=True, out_indices=(0, 1, 2, 3))
plain = dict(
    shared,
    type='mmtransfer.AdaptedBackbone',
    architecture='resnet50',
    frozen_stages=1,
    norm_eval=True,
)
child = dict(plain, blocks=[1, 3, 7, 5], max_blocks=[8, 10, 36, 14])
supernet = dict(
    shared,
    type='mmtransfer.DepthSupernet',
    seed='resnet50',
    max_blocks=[8, 10, 36, 14],
    norm_cfg=dict(type='SyncBN'),
)
