"""The glue to MMEngine: loops, hooks, optimiser wrappers, the model wrapper."""

from .amp import RegularisedAmpOptimWrapper
from .bn import ReestimateBNHook, reestimate_bn
from .channels import ChannelsError, CheckChannelsHook, check_channels
from .check_run import CheckRunHook, check_run
from .checkpoint_hook import CheckpointHook
from .classes import CheckClassesHook, ClassesError, check_classes
from .greedy_loop import GreedyBlockSearchLoop
from .head_boxes import CheckHeadBoxesHook, HeadBoxesError, check_head_boxes
from .optim import NonFiniteLossError, RegularisedOptimWrapper
from .parallel import AverageGradients, DistributedDataParallel
from .remap_hook import RemapHook
from .sample_path import SamplePathHook
from .schedule import CheckScheduleHook
from .search_checks import SearchConfigError
from .search_log import SearchLogHook
from .search_loop import SearchLoop
from .search_optim import SearchOptimWrapperConstructor
from .statistics_hook import AverageStatisticsHook
from .stock_hooks import HookError
from .train_loop import SeededTrainLoop

__all__ = [
    'AverageGradients',
    'AverageStatisticsHook',
    'ChannelsError',
    'CheckChannelsHook',
    'CheckClassesHook',
    'CheckHeadBoxesHook',
    'CheckRunHook',
    'CheckScheduleHook',
    'CheckpointHook',
    'ClassesError',
    'DistributedDataParallel',
    'GreedyBlockSearchLoop',
    'HeadBoxesError',
    'HookError',
    'NonFiniteLossError',
    'ReestimateBNHook',
    'RegularisedAmpOptimWrapper',
    'RegularisedOptimWrapper',
    'RemapHook',
    'SamplePathHook',
    'SearchConfigError',
    'SearchLogHook',
    'SearchLoop',
    'SearchOptimWrapperConstructor',
    'SeededTrainLoop',
    'check_channels',
    'check_classes',
    'check_head_boxes',
    'check_run',
    'reestimate_bn',
]
