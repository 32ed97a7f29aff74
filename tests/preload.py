"""What takes seconds in every process of the tests, done once: see ``processes``."""

import importlib

from tests.conftest import write_configs_as_they_are

for name in (
    'mmtransfer.registry',  # first: the toolboxes need its remedies
    'mmtransfer.engine',
    'mmdet.apis',
    'mmseg.apis',
    'mmpose.apis',
    'torch._dynamo',  # which the first optimiser imports
    'matplotlib.pyplot',
):
    importlib.import_module(name)
write_configs_as_they_are()
