"""Installs mmtransfer beside an OpenMMLab stack, whichever it is; no version has an upper bound."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
INIT = (HERE / 'mmtransfer/__init__.py').read_text()

setup(
    name='mmtransfer',
    version=re.findall(r"^__version__ = '(.+)'", INIT, re.MULTILINE)[0],
    description='Adapt the architecture and the weights of a pretrained backbone to a new task.',
    long_description=(HERE / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmtransfer', 'mmtransfer.*']),
    # .mim/configs is a link to configs/ in a checkout, and a folder in what is installed.
    package_data={'mmtransfer': ['.mim/configs/**/*.py', '.mim/configs/**/*.json', 'tools/*.sh']},
    python_requires='>=3.10',
    # torch, mmengine, mmcv and the toolboxes are the user's own choice (docs/install.md): the same
    # modules come under several names, and pip would put one distribution over the other.
    install_requires=['numpy', 'matplotlib'],
)
