"""Ablation: the adapted network takes the seed's weights (FNA++, Tables 12, 13 and 15)."""

_base_ = './deeplabv3_mbv2_seed.py'

model = dict(backbone=dict(architecture='work_dirs/deeplabv3_mbv2_search/architecture.json'))
default_hooks = dict(reestimate_bn=_base_.reestimate_bn)
