"""A fine-tune on few images, in a config of mmdet; see adapt_mmdet.py. A config gives the lengths,
which depend on its data."""

_base_ = './adapt_mmdet.py'

warm_up = dict(start_factor=0.1)
reestimate_bn = dict(iterations=25)
adapt = dict(
    optim_wrapper=dict(
        optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01),
    ),
    default_hooks=dict(logger=dict(interval=5)),
)
