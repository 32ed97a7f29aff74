"""What a fine-tune replaces in a config of mmdet (FNA++, Sec. 4.2), for the seed and adapted alike;
see adapt.py."""

_base_ = './adapt.py'

adapt = dict(
    train_cfg=dict(max_epochs=12, val_interval=1),
    optim_wrapper=dict(
        optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-5),
        clip_grad=dict(max_norm=35),
    ),
    param_scheduler=[_base_.warm_up, _base_.steps],
    default_hooks=dict(checkpoint=dict(save_best='coco/bbox_mAP')),
)
