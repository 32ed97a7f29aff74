"""The largest network of the chain that simplebaseline_efflite0_greedy_toy.py found, with its
weights."""

_base_ = '../fna/simplebaseline_efflite0_seed_toy.py'

found = 'work_dirs/simplebaseline_efflite0_greedy_toy'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(
    remap=dict(_base_.remap, checkpoint=found),
    reestimate_bn=dict(_base_.reestimate_bn, iterations=10),
)
