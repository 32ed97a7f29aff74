"""What a search replaces in a config of mmseg (FNA++, Sec. 4.1: DeepLabv3 on Cityscapes).

Bases may not share keys, so what mmseg sets as well waits in ``search``; a config takes it over by
name, for example ``train_cfg = _base_.search.train_cfg``. mmseg counts iterations and its sampler
never ends; a search counts epochs.
"""

search = dict(
    train_cfg=dict(
        _delete_=True,
        type='mmtransfer.SearchLoop',
        max_epochs=80,
        arch_begin=30,  # architecture steps start after 30 epochs
        alternation=(1, 1),  # architecture : weight steps; the paper does not say
        val_interval=10,
        split=dict(arch=0.2, seed=0),
        input_size=(1024, 2048),  # (H, W) at which the cost is counted
        searcher=dict(type='mmtransfer.DifferentiableSearcher'),
        regularisers=[dict(type='mmtransfer.CostTerm', factor=5e-3)],
    ),
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True),
    optim_wrapper=dict(
        _delete_=True,
        constructor='mmtransfer.SearchOptimWrapperConstructor',
        weights=dict(
            type='mmtransfer.RegularisedOptimWrapper',
            optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4),
            clip_grad=dict(max_norm=35),  # ours: Sec. 4.1 names none
        ),
        arch=dict(
            type='mmtransfer.RegularisedOptimWrapper',
            optimizer=dict(type='Adam', lr=1e-3, betas=(0.5, 0.999), weight_decay=4e-5),
            clip_grad=dict(max_norm=35),
        ),
    ),
    param_scheduler=dict(
        _delete_=True,
        weights=[
            dict(
                type='LinearLR',
                start_factor=0.005,  # from 1e-4
                by_epoch=True,
                begin=0,
                end=5,
                convert_to_iter_based=True,
            ),
            dict(
                type='CosineAnnealingLR',
                eta_min=1e-3,
                by_epoch=True,
                begin=5,
                end=80,
                convert_to_iter_based=True,
            ),
        ],
        arch=[],
    ),
    default_hooks=dict(
        logger=dict(log_metric_by_epoch=True),
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=1,
            by_epoch=True,
            max_keep_ckpts=2,
        ),
    ),
    log_processor=dict(by_epoch=True),
    visualizer=dict(
        vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    ),
)
custom_hooks = [dict(type='mmtransfer.SearchLogHook'), dict(type='mmtransfer.CheckRunHook')]
model_wrapper_cfg = dict(type='mmtransfer.AverageGradients')
randomness = dict(seed=0)
