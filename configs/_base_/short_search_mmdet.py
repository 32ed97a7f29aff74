"""A search at the seed's own cost on few images, in a config of mmdet; see search_mmdet.py. A
config gives the lengths, which depend on its data."""

_base_ = './search_mmdet.py'

warm_up = dict(start_factor=0.1)
search = dict(
    train_cfg=dict(
        searcher=dict(target='seed'),
        regularisers=[dict(type='mmtransfer.CostTerm', factor=0.08, target='searcher')],
    ),
    optim_wrapper=dict(
        weights=dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01)),
        # A few hundred steps, where COCO has tens of thousands.
        arch=dict(optimizer=dict(lr=0.02)),
    ),
    default_hooks=dict(logger=dict(interval=5)),
)
