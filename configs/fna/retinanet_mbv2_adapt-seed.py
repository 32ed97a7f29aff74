"""Ablation: the adapted network takes the seed's weights (FNA++, Tables 11 and 14)."""

_base_ = './retinanet_mbv2_seed.py'

model = dict(backbone=dict(architecture='work_dirs/retinanet_mbv2_search/architecture.json'))
default_hooks = dict(reestimate_bn=_base_.reestimate_bn)
