"""What a fine-tune replaces in a config of mmseg (FNA++, Sec. 4.1), for the seed and adapted alike.

Bases may not share keys, so what mmseg sets as well waits in ``adapt``; a config takes it over by
name, for example ``train_cfg = _base_.adapt.train_cfg``.
"""

adapt = dict(
    train_cfg=dict(
        _delete_=True, type='IterBasedTrainLoop', max_iters=100_000, val_interval=10_000
    ),
    optim_wrapper=dict(
        _delete_=True,
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
        clip_grad=dict(max_norm=35),  # ours: Sec. 4.1 names none
    ),
    param_scheduler=[
        # From 1e-4, for as long as in the released code; the paper does not say.
        dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5000),
        dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False, begin=5000, end=100_000),
    ],
    default_hooks=dict(
        schedule=dict(type='mmtransfer.CheckScheduleHook'),
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=10_000,
            by_epoch=False,
            max_keep_ckpts=2,
            save_best='mIoU',
        ),
    ),
)
custom_hooks = [dict(type='mmtransfer.CheckRunHook')]
model_wrapper_cfg = dict(type='mmtransfer.DistributedDataParallel')
randomness = dict(seed=0)
