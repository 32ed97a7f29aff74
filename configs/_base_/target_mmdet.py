"""What a fine-tune replaces in a config of mmdet (block allocation, Sec. 4.1), for default and
found allocations alike: 32 processes x 2 images. The rest, the schedule too, is mmdet's own.

Bases may not share keys, so all of it waits in ``target``; a config takes it over by name.
"""

_base_ = './adapt_settings.py'

target = dict(
    optim_wrapper=dict(
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.04, momentum=0.9, weight_decay=1e-4),
    ),
    default_hooks=_base_.adapt.default_hooks,
    custom_hooks=[
        # From the training on the source; the config names its work directory.
        dict(type='mmtransfer.RemapHook', initialise=['neck.', 'rpn_head.', 'roi_head.']),
        dict(type='mmtransfer.CheckRunHook'),
    ],
    auto_scale_lr=dict(enable=False, base_batch_size=64),
)
