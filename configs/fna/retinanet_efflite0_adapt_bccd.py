"""The adapted network: architecture and weights from retinanet_efflite0_search_bccd.py."""

_base_ = './retinanet_efflite0_seed_bccd.py'

found = 'work_dirs/retinanet_efflite0_search_bccd'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=25),
    dict(type='mmtransfer.CheckRunHook'),
]
