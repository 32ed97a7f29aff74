"""The largest network of the chain that deeplabv3_efflite0_greedy_camvid.py found, with its
weights."""

_base_ = '../fna/deeplabv3_efflite0_seed_camvid.py'

found = 'work_dirs/deeplabv3_efflite0_greedy_camvid'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=36),
    dict(type='mmtransfer.CheckRunHook'),
]
