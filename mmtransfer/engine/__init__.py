"""The glue to MMEngine: loops, hooks, optimiser wrappers, the model wrapper."""

from .bn import ReestimateBNHook, reestimate_bn
from .channels import ChannelsError, CheckChannelsHook, check_channels
from .checkpoint_hook import CheckpointHook
from .head_boxes import CheckHeadBoxesHook, HeadBoxesError, check_head_boxes
from .optim import NonFiniteLossError, RegularisedOptimWrapper, SearchOptimWrapperConstructor
from .parallel import AverageGradients
from .remap_hook import RemapHook
from .search_log import SearchLogHook
from .search_loop import SearchConfigError, SearchLoop

__all__ = [
    'AverageGradients',
    'ChannelsError',
    'CheckChannelsHook',
    'CheckHeadBoxesHook',
    'CheckpointHook',
    'HeadBoxesError',
    'NonFiniteLossError',
    'ReestimateBNHook',
    'RegularisedOptimWrapper',
    'RemapHook',
    'SearchConfigError',
    'SearchLogHook',
    'SearchLoop',
    'SearchOptimWrapperConstructor',
    'check_channels',
    'check_head_boxes',
    'reestimate_bn',
]
