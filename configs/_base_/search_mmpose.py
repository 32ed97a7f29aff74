"""What a search replaces in a config of mmpose (FNA++, Sec. 4.3: SimpleBaseline on MPII).

Bases may not share keys, so what mmpose sets as well waits in ``search``; a config takes it over by
name, for example ``train_cfg = _base_.search.train_cfg``.
"""

search = dict(
    train_cfg=dict(
        _delete_=True,
        type='mmtransfer.SearchLoop',
        max_epochs=140,
        arch_begin=70,  # architecture steps start after 70 epochs
        alternation=(1, 1),  # architecture : weight steps
        val_interval=10,
        split=dict(arch=0.2, seed=0),
        input_size=(256, 256),  # (H, W) at which the cost is counted
        searcher=dict(type='mmtransfer.DifferentiableSearcher'),
        regularisers=[dict(type='mmtransfer.CostTerm', factor=3e-5)],
    ),
    optim_wrapper=dict(
        _delete_=True,
        constructor='mmtransfer.SearchOptimWrapperConstructor',
        weights=dict(
            type='mmtransfer.RegularisedOptimWrapper', optimizer=dict(type='Adam', lr=1e-3)
        ),
        arch=dict(
            type='mmtransfer.RegularisedOptimWrapper',
            # The paper leaves the betas open: those of its other searches.
            optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=0),
        ),
    ),
    param_scheduler=dict(
        _delete_=True,
        weights=[dict(type='MultiStepLR', by_epoch=True, milestones=[90, 120], gamma=0.1)],
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
    custom_hooks=[
        dict(type='mmtransfer.SearchLogHook'),
        dict(type='mmtransfer.CheckRunHook'),
    ],
    visualizer=dict(
        vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    ),
)
# By it mmpose's own programs, which do not begin without torchvision, apply our remedies.
custom_imports = dict(imports=['mmtransfer.registry'], allow_failed_imports=False)
model_wrapper_cfg = dict(type='mmtransfer.AverageGradients')
randomness = dict(seed=0)
