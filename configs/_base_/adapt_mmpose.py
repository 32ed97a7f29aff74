"""What a fine-tune replaces in a config of mmpose (FNA++, Sec. 4.3), for seed and adapted alike:
SimpleBaseline's own training of ResNet-50 on MPII.

Bases may not share keys, so what mmpose sets as well waits in ``adapt``; a config takes it over by
name, for example ``train_cfg = _base_.adapt.train_cfg``.
"""

adapt = dict(
    train_cfg=dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=140, val_interval=10),
    optim_wrapper=dict(
        _delete_=True,
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='Adam', lr=1e-3),
    ),
    param_scheduler=[dict(type='MultiStepLR', by_epoch=True, milestones=[90, 120], gamma=0.1)],
    default_hooks=dict(
        schedule=dict(type='mmtransfer.CheckScheduleHook'),
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=1,
            by_epoch=True,
            max_keep_ckpts=2,
            save_best='PCK',
            rule='greater',
        ),
    ),
    custom_hooks=[
        dict(type='mmtransfer.CheckRunHook'),
    ],
)
# By it mmpose's own programs, which do not begin without torchvision, apply our remedies.
custom_imports = dict(imports=['mmtransfer.registry'], allow_failed_imports=False)
model_wrapper_cfg = dict(type='mmtransfer.DistributedDataParallel')
randomness = dict(seed=0)
