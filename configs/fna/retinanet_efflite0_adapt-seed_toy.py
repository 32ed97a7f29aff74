"""Ablation: the adapted network takes the seed's weights (FNA++, Tables 11 to 13, 'from seed')."""

_base_ = './retinanet_efflite0_seed_toy.py'

found = 'work_dirs/retinanet_efflite0_search_toy'
model = dict(backbone=dict(architecture=f'{found}/architecture.json'))
default_hooks = dict(reestimate_bn=dict(_base_.reestimate_bn, iterations=10))
