"""The largest network of the chain that simplebaseline_efflite0_greedy_toy.py found, with its
weights."""

_base_ = '../fna/simplebaseline_efflite0_seed_toy.py'

found = 'work_dirs/simplebaseline_efflite0_greedy_toy'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=10),
    *_base_.adapt.custom_hooks,
]
