"""The largest network of the chain that faster-rcnn_efflite0_greedy_toy.py found, with its weights.

The one of 14 blocks: --cfg-options
model.backbone.architecture=work_dirs/faster-rcnn_efflite0_greedy_toy/chain/architecture_14.json
"""

_base_ = './faster-rcnn_efflite0_default_toy.py'

found = 'work_dirs/faster-rcnn_efflite0_greedy_toy'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=dict(_base_.reestimate_bn, iterations=10),
)
