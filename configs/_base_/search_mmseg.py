"""What a search replaces in a config of mmseg (FNA++, Sec. 4.1: DeepLabv3 on Cityscapes); see
search.py. mmseg counts iterations and its sampler never ends; a search counts epochs, and takes
``sampler``."""

_base_ = './search.py'

sampler = dict(_delete_=True, type='DefaultSampler', shuffle=True)
search = dict(
    train_cfg=dict(
        max_epochs=80,
        arch_begin=30,  # architecture steps start after 30 epochs
        alternation=(1, 1),  # the paper does not say
        val_interval=10,
        split=dict(arch=0.2, seed=0),
        input_size=(1024, 2048),  # (H, W) at which the cost is counted
        regularisers=[dict(type='mmtransfer.CostTerm', factor=5e-3)],
    ),
    optim_wrapper=dict(
        weights=dict(
            optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4),
            clip_grad=dict(max_norm=35),  # ours: Sec. 4.1 names none
        ),
        arch=dict(
            optimizer=dict(type='Adam', lr=1e-3, betas=(0.5, 0.999), weight_decay=4e-5),
            clip_grad=dict(max_norm=35),
        ),
    ),
    param_scheduler=dict(
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
    ),
    default_hooks=dict(logger=dict(log_metric_by_epoch=True)),
    log_processor=dict(by_epoch=True),
)
custom_hooks = [dict(type='mmtransfer.SearchLogHook'), dict(type='mmtransfer.CheckRunHook')]
