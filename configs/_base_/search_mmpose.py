"""What a search replaces in a config of mmpose (FNA++, Sec. 4.3: SimpleBaseline on MPII); see
search.py."""

_base_ = './search.py'

search = dict(
    train_cfg=dict(
        max_epochs=140,
        arch_begin=70,  # architecture steps start after 70 epochs
        val_interval=10,
        split=dict(arch=0.2, seed=0),
        input_size=(256, 256),  # (H, W) at which the cost is counted
        regularisers=[dict(type='mmtransfer.CostTerm', factor=3e-5)],
    ),
    optim_wrapper=dict(
        weights=dict(optimizer=dict(type='Adam', lr=1e-3)),
        # The paper leaves the betas open: those of its other searches.
        arch=dict(optimizer=dict(type='Adam', lr=3e-3, betas=(0.5, 0.999), weight_decay=0)),
    ),
    param_scheduler=dict(weights=[dict(_base_.steps, milestones=[90, 120])]),
    custom_hooks=[dict(type='mmtransfer.SearchLogHook'), dict(type='mmtransfer.CheckRunHook')],
)
# By it mmpose's own programs, which do not begin without torchvision, apply our remedies.
custom_imports = dict(imports=['mmtransfer.registry'], allow_failed_imports=False)
