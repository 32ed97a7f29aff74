"""Ablation: the adapted network takes the seed's weights (FNA++, Tables 11 to 13, 'from seed')."""

_base_ = './retinanet_efflite0_seed_toy.py'
model = dict(
    backbone=dict(architecture='work_dirs/retinanet_efflite0_search_toy/architecture.json')
)
custom_hooks = [
    dict(type='mmtransfer.ReestimateBNHook', iterations=10),
    dict(type='mmtransfer.CheckRunHook'),
]
