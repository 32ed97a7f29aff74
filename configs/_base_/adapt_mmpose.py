"""What a fine-tune replaces in a config of mmpose (FNA++, Sec. 4.3), for seed and adapted alike:
SimpleBaseline's own training of ResNet-50 on MPII; see adapt.py."""

_base_ = './adapt.py'

adapt = dict(
    train_cfg=dict(max_epochs=140, val_interval=10),
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
    param_scheduler=[dict(_base_.steps, milestones=[90, 120])],
    default_hooks=dict(checkpoint=dict(save_best='PCK', rule='greater')),
    custom_hooks=[dict(type='mmtransfer.CheckRunHook')],
)
# By it mmpose's own programs, which do not begin without torchvision, apply our remedies.
custom_imports = dict(imports=['mmtransfer.registry'], allow_failed_imports=False)
