"""What a fine-tune replaces in a config of mmdet (block allocation, Sec. 4.1), for default and
found allocations alike: 32 processes x 2 images. The rest, the schedule too, is mmdet's own.

A config takes ``target`` over as it would take ``adapt``, see adapt.py, and names the work
directory of the training on the source in ``default_hooks.remap.checkpoint``.
"""

_base_ = './adapt_mmdet.py'

remap = dict(initialise=['neck.', 'rpn_head.', 'roi_head.'])
target = dict(
    optim_wrapper=dict(
        type='mmtransfer.RegularisedOptimWrapper',
        optimizer=dict(type='SGD', lr=0.04, momentum=0.9, weight_decay=1e-4),
    ),
    default_hooks=dict(_base_.adapt.default_hooks, remap=dict(_base_.remap, **remap)),
    auto_scale_lr=dict(enable=False, base_batch_size=64),
)
