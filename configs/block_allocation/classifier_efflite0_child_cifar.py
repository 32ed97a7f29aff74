"""A child of the supernet of classifier_efflite0_supernet_cifar.py, fine-tuned on the CIFAR subset.

Another one: --cfg-options model.backbone.blocks=[1,2,3,3,5]
"""

_base_ = './classifier_efflite0_default_cifar.py'

model = dict(
    backbone=dict(blocks=[2, 2, 3, 3, 4], max_blocks=[4, 4, 6, 6, 8], init_cfg=None),
    init_cfg=None,
)
custom_hooks = [
    dict(
        type='mmtransfer.RemapHook',
        source='supernet',
        checkpoint='work_dirs/classifier_efflite0_supernet_cifar',
    ),
    dict(type='mmtransfer.ReestimateBNHook', iterations=20),
    *_base_.custom_hooks,
]
