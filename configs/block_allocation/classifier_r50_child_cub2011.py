"""A child, fine-tuned by classifier_r50_child.py on the source, then here on CUB-200-2011.

Both commands take the same --cfg-options model.backbone.blocks=[1,6,6,3]
"""

_base_ = './classifier_r50_default_cub2011.py'

model = dict(backbone=dict(blocks=[1, 3, 7, 5], max_blocks=[8, 10, 36, 14]))
custom_hooks = _base_.custom_hooks
custom_hooks[0].checkpoint = 'work_dirs/classifier_r50_child'
