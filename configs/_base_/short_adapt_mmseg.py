"""A fine-tune on few images, in a config of mmseg, which counts iterations: here epochs; see
adapt_mmseg.py. A config gives the lengths, which depend on its data."""

_base_ = './adapt_mmseg.py'

warm_up = dict(start_factor=0.1)
del _base_.adapt.train_cfg.max_iters
adapt = dict(
    train_cfg=dict(type='EpochBasedTrainLoop'),
    optim_wrapper=dict(
        optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01),
    ),
    default_hooks=dict(
        logger=dict(interval=5, log_metric_by_epoch=True),
        checkpoint=dict(interval=2, by_epoch=True),
    ),
    log_processor=dict(by_epoch=True),
)
