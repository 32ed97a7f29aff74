"""The adapted network: architecture and weights from simplebaseline_efflite0_search_lsp.py."""

_base_ = './simplebaseline_efflite0_seed_lsp.py'

found = 'work_dirs/simplebaseline_efflite0_search_lsp'
model = dict(backbone=dict(architecture=f'{found}/architecture.json', init_cfg=None))
default_hooks = dict(remap=dict(_base_.remap, checkpoint=found), reestimate_bn=_base_.reestimate_bn)
