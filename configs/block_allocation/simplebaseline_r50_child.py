"""SimpleBaseline on an allocation of ResNet-50, from classifier_r50_child.py.

That of a search, in both trainings: --cfg-options model.backbone.blocks=[2,4,7,3]
"""

_base_ = './simplebaseline_r50_default.py'

model = dict(backbone=_base_.child)
default_hooks = dict(remap=dict(checkpoint='work_dirs/classifier_r50_child'))
