"""The adapted network: architecture and weights from deeplabv3_efflite0_search_camvid.py."""

_base_ = './deeplabv3_efflite0_seed_camvid.py'

found = 'work_dirs/deeplabv3_efflite0_search_camvid'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=dict(_base_.reestimate_bn, iterations=20),
)
