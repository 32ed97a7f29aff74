"""SE-ResNeXt-50 of block allocation: the plain network, and one of ResNet-50's found allocation,
which the paper strengthens in this way (Sec. 3.5, Table 1). Weights come from the source's
trainings."""

channels = [256, 512, 1024, 2048]
plain = dict(
    _delete_=True,
    type='mmtransfer.AdaptedBackbone',
    architecture='se_resnext50',
    out_indices=(0, 1, 2, 3),
    frozen_stages=1,
    norm_eval=True,
)
child = dict(plain, blocks=[1, 3, 7, 5])
