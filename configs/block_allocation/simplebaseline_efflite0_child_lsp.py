"""The largest network of the chain that simplebaseline_efflite0_greedy_lsp.py found, with its
weights."""

_base_ = '../fna/simplebaseline_efflite0_seed_lsp.py'

found = 'work_dirs/simplebaseline_efflite0_greedy_lsp'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=_base_.reestimate_bn,
)
