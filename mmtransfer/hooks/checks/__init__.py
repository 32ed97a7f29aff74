"""What is compared before the first step, so that nothing fails late or is dropped in silence."""

from mmtransfer.hooks.checks.channels import CheckChannelsHook
from mmtransfer.hooks.checks.classes import CheckClassesHook
from mmtransfer.hooks.checks.run import CheckRunHook
from mmtransfer.hooks.checks.schedule import CheckScheduleHook

__all__ = ['CheckChannelsHook', 'CheckClassesHook', 'CheckRunHook', 'CheckScheduleHook']
