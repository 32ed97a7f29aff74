"""A search at the seed's own cost on few images, in a config of mmseg; see search_mmseg.py. A
config gives the lengths, which depend on its data."""

_base_ = './search_mmseg.py'

warm_up = dict(start_factor=0.1)
search = dict(
    train_cfg=dict(
        searcher=dict(target='seed'),
        regularisers=[dict(type='mmtransfer.CostTerm', factor=0.08, target='searcher')],
    ),
    optim_wrapper=dict(
        weights=dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01)),
        # A few hundred steps, where Cityscapes has thousands.
        arch=dict(optimizer=dict(lr=0.02)),
    ),
    default_hooks=dict(logger=dict(interval=5)),
)
