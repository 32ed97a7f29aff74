"""The largest network of the chain that classifier_efflite0_greedy_cifar.py found, with its
weights.

The one of 14 blocks: --cfg-options
model.backbone.architecture=work_dirs/classifier_efflite0_greedy_cifar/chain/architecture_14.json
"""

_base_ = './classifier_efflite0_default_cifar.py'

found = 'work_dirs/classifier_efflite0_greedy_cifar'
model = dict(
    backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None),
    init_cfg=None,
)
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=dict(_base_.reestimate_bn, iterations=20),
)
