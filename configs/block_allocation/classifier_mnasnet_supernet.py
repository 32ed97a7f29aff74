"""The supernet of MnasNet-b0 on the source, ImageNet; every step runs a path drawn uniformly."""

_base_ = '../_base_/jobs/classifier_imagenet.py'

model = dict(
    backbone=dict(
        type='mmtransfer.DepthSupernet',
        seed='mnasnet',
        max_blocks=[5, 6, 8, 7, 7],
        out_indices=(6,),
    )
)
default_hooks = dict(sample_path=dict(type='mmtransfer.SamplePathHook'))
