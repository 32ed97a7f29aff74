"""Remedy: MMEngine's import of pkg_resources warns on every use."""

import warnings


def quiet_pkg_resources() -> None:
    """MMEngine imports pkg_resources for ``pkg::`` configs, which warns on every use."""
    warnings.filterwarnings('ignore', message='pkg_resources is deprecated')
