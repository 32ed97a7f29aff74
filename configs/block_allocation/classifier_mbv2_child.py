"""A child of the supernet of classifier_mbv2_supernet.py, fine-tuned on the source by its schedule;
the paper names none.

Another one: --cfg-options model.backbone.blocks=[2,2,2,3,5]
"""

_base_ = './classifier_mbv2_default.py'

model = dict(backbone=dict(blocks=[2, 2, 2, 3, 5], max_blocks=[5, 6, 8, 7, 7]))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint='work_dirs/classifier_mbv2_supernet'),
    reestimate_bn=_base_.reestimate_bn,
)
