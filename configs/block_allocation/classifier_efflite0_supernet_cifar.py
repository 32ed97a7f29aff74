"""The supernet of EfficientNet-Lite0 on the CIFAR subset; blocks beyond the seed's own begin as
copies of the last one of their stage."""

_base_ = './classifier_efflite0_default_cifar.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmtransfer.DepthSupernet',
        seed='efficientnet_lite0',
        max_blocks=[4, 4, 6, 6, 8],
        out_indices=(6,),
        norm_cfg=dict(type='BN', momentum=0.1),
        init_cfg=dict(type='mmtransfer.Remap', checkpoint=_base_.checkpoint),
    )
)
custom_hooks = [dict(type='mmtransfer.SamplePathHook', evaluate='seed'), *_base_.custom_hooks]
