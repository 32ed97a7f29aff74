"""The adapted network: architecture and weights from deeplabv3_efflite0_search_camvid.py."""

_base_ = './deeplabv3_efflite0_seed_camvid.py'

found = 'work_dirs/deeplabv3_efflite0_search_camvid'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=20),
    dict(type='mmtransfer.CheckRunHook'),
]
