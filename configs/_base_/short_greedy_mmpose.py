"""A greedy block search up to the seed's cost on few people, in a config of mmpose; see
greedy_mmpose.py. A config gives the lengths, which depend on its data."""

_base_ = './greedy_mmpose.py'

warm_up = dict(start_factor=0.1)
greedy = dict(
    train_cfg=dict(split=dict(arch=0.2), searcher=dict(target='seed')),
    optim_wrapper=dict(weights=dict(optimizer=dict(lr=1e-3))),
    default_hooks=dict(logger=dict(interval=5)),
)
