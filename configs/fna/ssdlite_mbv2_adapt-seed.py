"""Ablation: the adapted network takes the seed's weights (FNA++, Table 11)."""

_base_ = './ssdlite_mbv2_seed.py'

model = dict(backbone=dict(architecture='work_dirs/ssdlite_mbv2_search/architecture.json'))
default_hooks = dict(reestimate_bn=_base_.reestimate_bn)
