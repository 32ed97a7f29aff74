"""What a fine-tune replaces in a config of mmdet (FNA++, Sec. 4.2), for the seed and adapted alike.

Bases may not share keys, so what mmdet sets as well waits in ``adapt``; a config takes it over by
name, for example ``train_cfg = _base_.adapt.train_cfg``.
"""

adapt = dict(
    train_cfg=dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=12, val_interval=1),
    optim_wrapper=dict(
        _delete_=True,
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-5),
        clip_grad=dict(max_norm=35),
    ),
    param_scheduler=[
        dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=500),
        dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1),
    ],
    default_hooks=dict(
        schedule=dict(type='mmtransfer.CheckScheduleHook'),
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=1,
            by_epoch=True,
            max_keep_ckpts=2,
            save_best='coco/bbox_mAP',
        ),
    ),
)
model_wrapper_cfg = dict(type='mmtransfer.DistributedDataParallel')
randomness = dict(seed=0)
