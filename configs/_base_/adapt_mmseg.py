"""What a fine-tune replaces in a config of mmseg (FNA++, Sec. 4.1), for the seed and adapted alike;
see adapt.py."""

_base_ = './adapt.py'

reestimate_bn = dict(iterations=2000)
adapt = dict(
    train_cfg=dict(type='IterBasedTrainLoop', max_iters=100_000, val_interval=10_000),
    optim_wrapper=dict(
        optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
        clip_grad=dict(max_norm=35),  # ours: Sec. 4.1 names none
    ),
    param_scheduler=[
        # From 1e-4, for as long as in the released code; the paper does not say.
        dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5000),
        dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False, begin=5000, end=100_000),
    ],
    default_hooks=dict(checkpoint=dict(interval=10_000, by_epoch=False, save_best='mIoU')),
)
custom_hooks = [dict(type='mmtransfer.CheckRunHook')]
