"""What a search replaces in a config of mmdet (FNA++, Sec. 4.2: the settings of RetinaNet on COCO);
see search.py."""

_base_ = './search.py'

search = dict(
    train_cfg=dict(
        max_epochs=14,
        arch_begin=8,  # architecture steps start after 8 epochs
        val_interval=1,
        split=dict(arch=0.5, seed=0),
        input_size=(800, 1088),  # (H, W) at which the cost is counted
        # The journal's lambda; the released code of the conference paper has 0.02.
        regularisers=[dict(type='mmtransfer.CostTerm', factor=0.08)],
    ),
    optim_wrapper=dict(
        weights=dict(
            optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
            clip_grad=dict(max_norm=35),
        ),
        arch=dict(
            optimizer=dict(type='Adam', lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3),
            clip_grad=dict(max_norm=35),
        ),
    ),
    param_scheduler=dict(weights=[_base_.warm_up, _base_.steps]),
)
