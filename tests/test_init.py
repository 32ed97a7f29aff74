"""The public names: imported when they are used, and no others."""

import subprocess
import sys

import pytest

import mmtransfer
from mmtransfer.architecture import Architecture
from mmtransfer.spaces import read_architecture


@pytest.mark.parametrize('name', mmtransfer.__all__)
def test_every_public_name_leads_somewhere(name):
    found = getattr(mmtransfer, name)
    assert found.__name__ == name and found.__doc__
    assert name in dir(mmtransfer)


def test_they_are_the_ones_of_their_modules():
    assert len(mmtransfer.__all__) == 10
    assert mmtransfer.Architecture is Architecture
    assert mmtransfer.read_architecture is read_architecture


def test_other_names_are_refused_with_the_list():
    with pytest.raises(AttributeError, match="space_around; received 'Supernet'"):
        getattr(mmtransfer, 'Super' + 'net')


def test_the_package_imports_nothing_before_it_is_asked():
    code = (
        'import sys, mmtransfer; before = [m for m in sys.modules if m.startswith("mmtransfer.")]; '
        'space = mmtransfer.space_around("mobilenet_v2"); '
        'print(before, "torch" in sys.modules, space.name)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['[]', 'False', 'mbconv']
