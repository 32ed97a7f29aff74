"""The glue to MMEngine: loops, optimiser wrappers, the model wrapper."""

from mmtransfer.engine.amp import RegularisedAmpOptimWrapper
from mmtransfer.engine.optim import NonFiniteLossError, RegularisedOptimWrapper
from mmtransfer.engine.parallel import AverageGradients, DistributedDataParallel
from mmtransfer.engine.search_loop import GreedyBlockSearchLoop, SearchLoop
from mmtransfer.engine.search_optim import SearchOptimWrapperConstructor
from mmtransfer.engine.train_loop import SeededTrainLoop

__all__ = [
    'AverageGradients',
    'DistributedDataParallel',
    'GreedyBlockSearchLoop',
    'NonFiniteLossError',
    'RegularisedAmpOptimWrapper',
    'RegularisedOptimWrapper',
    'SearchLoop',
    'SearchOptimWrapperConstructor',
    'SeededTrainLoop',
]
