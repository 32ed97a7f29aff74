"""What every search replaces in a config of a toolbox; ``search_mmdet.py`` and its siblings add the
settings of a task.

Bases may not share keys, so what the toolbox sets as well waits in ``search``. A config takes all
of it over by one line, ``globals().update(_base_.search)``, and changes before it what is its own,
``_base_.search.train_cfg.max_epochs = 20``.
"""

_base_ = './named.py'

search = dict(
    train_cfg=dict(
        _delete_=True,
        type='mmtransfer.SearchLoop',
        alternation=(1, 1),  # architecture : weight steps
        searcher=dict(type='mmtransfer.DifferentiableSearcher'),
    ),
    optim_wrapper=dict(
        _delete_=True,
        constructor='mmtransfer.SearchOptimWrapperConstructor',
        weights=dict(type='mmtransfer.RegularisedOptimWrapper'),
        arch=dict(type='mmtransfer.RegularisedOptimWrapper'),
    ),
    param_scheduler=dict(_delete_=True, weights=[], arch=[]),
    default_hooks=dict(
        checkpoint=dict(
            _delete_=True,
            type='mmtransfer.CheckpointHook',
            interval=1,
            by_epoch=True,
            max_keep_ckpts=2,
        ),
    ),
    visualizer=dict(
        vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    ),
)
# In train_cfg, for a searcher that scores candidates: there are no architecture steps.
candidates = dict(arch_begin=None, regularisers=[])
model_wrapper_cfg = dict(type='mmtransfer.AverageGradients')
randomness = dict(seed=0)
