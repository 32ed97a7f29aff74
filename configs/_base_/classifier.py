"""What the training of any classifier has in common: model, loops, hooks, and the schedule that
block allocation has on the source and on the target (Sec. 4.1 and 4.2)."""

_base_ = './named.py'

default_scope = 'mmengine'
model = dict(
    type='mmtransfer.ImageClassifier',
    data_preprocessor=dict(
        type='ImgDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
)
train_cfg = dict(type='mmtransfer.SeededTrainLoop', max_epochs=100, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='mmtransfer.RegularisedOptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
steps = dict(_base_.steps, milestones=[30, 60, 80])
param_scheduler = [steps]
# In place of optim_wrapper in a search without logits, which adds its weights=_base_.optim_wrapper.
weights_alone = dict(_delete_=True, constructor='mmtransfer.SearchOptimWrapperConstructor')
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=100),
    checkpoint=dict(
        type='mmtransfer.CheckpointHook',
        interval=1,
        by_epoch=True,
        max_keep_ckpts=2,  # no save_best: these data sets have no test part beside val
    ),
)
custom_hooks = [
    dict(type='mmtransfer.CheckRunHook'),
]
model_wrapper_cfg = dict(type='mmtransfer.AverageGradients')  # supernets inherit this, too
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
val_evaluator = dict(type='mmtransfer.Accuracy', topk=(1, 5))
test_evaluator = dict(type='mmtransfer.Accuracy', topk=(1, 5))
randomness = dict(seed=0)
