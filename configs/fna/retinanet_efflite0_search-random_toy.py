"""Random search on made shapes: the differentiable one's weight steps, and as many candidates of
the seed's cost as its architecture steps would have paid for."""

_base_ = './retinanet_efflite0_search_toy.py'

searcher = dict(_delete_=True, type='mmtransfer.RandomSearcher', candidates=36, target='seed')
evaluation = dict(metric='loss', bn_iterations=10)
train_cfg = dict(_base_.candidates, searcher=searcher, evaluation=evaluation)
