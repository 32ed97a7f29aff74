"""The largest network of the chain that deeplabv3_efflite0_greedy_toy.py found, with its
weights."""

_base_ = '../fna/deeplabv3_efflite0_seed_toy.py'

found = 'work_dirs/deeplabv3_efflite0_greedy_toy'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=10),
    dict(type='mmtransfer.CheckRunHook'),
]
