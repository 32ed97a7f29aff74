"""A greedy block search up to the seed's cost on few images, in a config of mmdet; see
greedy_mmdet.py. A config gives the lengths, which depend on its data."""

_base_ = './greedy_mmdet.py'

warm_up = dict(start_factor=0.1)
greedy = dict(
    train_cfg=dict(split=dict(arch=0.3), searcher=dict(target='seed')),
    optim_wrapper=dict(
        weights=dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01))
    ),
    default_hooks=dict(logger=dict(interval=5)),
)
