"""A child of the supernet of classifier_r50_supernet.py, fine-tuned on the source by its schedule;
the paper names none.

Another one: --cfg-options model.backbone.blocks=[1,3,7,5]
"""

_base_ = './classifier_r50_default.py'

model = dict(backbone=dict(blocks=[1, 3, 7, 5], max_blocks=[8, 10, 36, 14]))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint='work_dirs/classifier_r50_supernet'),
    reestimate_bn=_base_.reestimate_bn,
)
