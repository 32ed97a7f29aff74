"""Ablation: the adapted network takes the seed's weights (FNA++, Tables 11 to 13, 'from seed')."""

_base_ = './retinanet_efflite0_seed_bccd.py'

found = 'work_dirs/retinanet_efflite0_search_bccd'
model = dict(backbone=dict(architecture=f'{found}/architecture.json'))
default_hooks = dict(reestimate_bn=_base_.reestimate_bn)
