"""What every fine-tune of a seed or of an adapted network replaces in a config of a toolbox;
``adapt_mmdet.py`` and its siblings add the settings of a task.

Bases may not share keys, so what the toolbox sets as well waits in ``adapt``. A config takes all of
it over by one line, ``globals().update(_base_.adapt)``, and changes before it what is its own.
"""

_base_ = './named.py'

adapt = dict(
    train_cfg=dict(_delete_=True, type='EpochBasedTrainLoop'),
    optim_wrapper=dict(_delete_=True, type='mmtransfer.RegularisedOptimWrapper'),
    default_hooks=dict(
        schedule=dict(type='mmtransfer.CheckScheduleHook'),
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=1,
            by_epoch=True,
            max_keep_ckpts=2,
        ),
    ),
)
model_wrapper_cfg = dict(type='mmtransfer.DistributedDataParallel')
randomness = dict(seed=0)
