"""A search at the seed's own cost on few people, in a config of mmpose; see search_mmpose.py. A
config gives the lengths, which depend on its data."""

_base_ = './search_mmpose.py'

warm_up = dict(start_factor=0.1)
search = dict(
    train_cfg=dict(
        searcher=dict(target='seed'),
        regularisers=[dict(type='mmtransfer.CostTerm', factor=3e-5, target='searcher')],
    ),
    # A few hundred steps, where MPII has tens of thousands.
    optim_wrapper=dict(arch=dict(optimizer=dict(lr=0.02))),
    default_hooks=dict(logger=dict(interval=5)),
)
