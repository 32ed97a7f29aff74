"""A child of the supernet of classifier_r50_supernet.py, fine-tuned on the source by its schedule;
the paper names none.

Another one: --cfg-options model.backbone.blocks=[1,3,7,5]
"""

_base_ = './classifier_r50_default.py'

model = dict(backbone=dict(blocks=[1, 3, 7, 5], max_blocks=[8, 10, 36, 14]))
custom_hooks = [
    dict(
        type='mmtransfer.RemapHook',
        source='supernet',
        checkpoint='work_dirs/classifier_r50_supernet',
    ),
    dict(type='mmtransfer.ReestimateBNHook', iterations=200),
    *_base_.custom_hooks,
]
