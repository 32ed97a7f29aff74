"""The largest network of the chain that faster-rcnn_efflite0_greedy_bccd.py found, with its
weights.

The one of 14 blocks: --cfg-options
model.backbone.architecture=work_dirs/faster-rcnn_efflite0_greedy_bccd/chain/architecture_14.json
"""

_base_ = './faster-rcnn_efflite0_default_bccd.py'

found = 'work_dirs/faster-rcnn_efflite0_greedy_bccd'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=_base_.reestimate_bn,
)
