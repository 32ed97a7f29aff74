"""What a search replaces in a config of mmdet (FNA++, Sec. 4.2: the settings of RetinaNet on COCO).

Bases may not share keys, so what mmdet sets as well waits in ``search``; a config takes it over by
name, for example ``train_cfg = _base_.search.train_cfg``.
"""

search = dict(
    train_cfg=dict(
        _delete_=True,
        type='mmtransfer.SearchLoop',
        max_epochs=14,
        arch_begin=8,  # architecture steps start after 8 epochs
        alternation=(1, 1),  # architecture : weight steps
        val_interval=1,
        split=dict(arch=0.5, seed=0),
        input_size=(800, 1088),  # (H, W) at which the cost is counted
        searcher=dict(type='mmtransfer.DifferentiableSearcher'),
        # The journal's lambda; the released code of the conference paper has 0.02.
        regularisers=[dict(type='mmtransfer.CostTerm', factor=0.08)],
    ),
    optim_wrapper=dict(
        _delete_=True,
        constructor='mmtransfer.SearchOptimWrapperConstructor',
        weights=dict(
            type='mmtransfer.RegularisedOptimWrapper',
            optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
            clip_grad=dict(max_norm=35),
        ),
        arch=dict(
            type='mmtransfer.RegularisedOptimWrapper',
            optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3),
            clip_grad=dict(max_norm=35),
        ),
    ),
    param_scheduler=dict(
        _delete_=True,
        weights=[
            dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=500),
            dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1),
        ],
        arch=[],
    ),
    default_hooks=dict(
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=1,
            by_epoch=True,
            max_keep_ckpts=2,
        ),
    ),
    visualizer=dict(
        vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    ),
)
model_wrapper_cfg = dict(type='mmtransfer.AverageGradients')
randomness = dict(seed=0)
