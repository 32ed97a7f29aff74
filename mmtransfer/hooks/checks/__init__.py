"""What is compared before the first step, so that nothing fails late or is dropped in silence."""

from mmtransfer.hooks.checks.run import CheckRunHook
from mmtransfer.hooks.checks.schedule import CheckScheduleHook
from mmtransfer.hooks.checks.single import CheckChannelsHook, CheckClassesHook, CheckHeadBoxesHook

__all__ = [
    'CheckChannelsHook',
    'CheckClassesHook',
    'CheckHeadBoxesHook',
    'CheckRunHook',
    'CheckScheduleHook',
]
