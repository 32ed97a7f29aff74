"""The largest network of the chain that simplebaseline_efflite0_greedy_lsp.py found, with its
weights."""

_base_ = '../fna/simplebaseline_efflite0_seed_lsp.py'

found = 'work_dirs/simplebaseline_efflite0_greedy_lsp'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
custom_hooks = [
    dict(type='mmtransfer.RemapHook', source='supernet', checkpoint=found),
    dict(type='mmtransfer.ReestimateBNHook', iterations=25),
    *_base_.adapt.custom_hooks,
]
