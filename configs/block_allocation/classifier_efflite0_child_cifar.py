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
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=20),
    *_base_.custom_hooks,
]
