"""Evolutionary search on made shapes: the differentiable one's weight steps, and as many candidates
of the seed's cost as its architecture steps would have paid for."""

_base_ = './retinanet_efflite0_search_toy.py'

train_cfg = dict(
    arch_begin=None,
    regularisers=[],
    searcher=dict(
        _delete_=True,
        type='mmtransfer.EvolutionSearcher',
        population=9,
        generations=4,
        parents=5,
        target=_base_.target,
    ),
    evaluation=dict(metric='loss', bn_iterations=10),
)
