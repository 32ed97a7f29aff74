"""The supernet of ResNet-50 on the source, ImageNet; every step runs a path drawn uniformly."""

_base_ = '../_base_/jobs/classifier_imagenet.py'

model = dict(
    backbone=dict(
        type='mmtransfer.DepthSupernet',
        seed='resnet50',
        max_blocks=[8, 10, 36, 14],
        out_indices=(3,),
    )
)
default_hooks = dict(sample_path=dict(type='mmtransfer.SamplePathHook'))
