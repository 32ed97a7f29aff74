"""The adapted network: architecture and weights from deeplabv3_efflite0_search_toy.py."""

_base_ = './deeplabv3_efflite0_seed_toy.py'

found = 'work_dirs/deeplabv3_efflite0_search_toy'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=dict(_base_.reestimate_bn, iterations=10),
)
