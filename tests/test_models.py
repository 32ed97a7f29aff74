"""What the Protocol of supernets promises, asked of those there are."""

import pytest

from mmtransfer.backbones import DepthSupernet, FNASupernet
from mmtransfer.models import Supernet
from tests.engine.tiny import SPACE

ASKED = [name for name in [*vars(Supernet), *Supernet.__annotations__] if not name.startswith('_')]


@pytest.mark.parametrize(
    'build', [lambda: FNASupernet(**SPACE), lambda: DepthSupernet('mobilenet_v2')]
)
def test_a_supernet_has_what_is_asked_of_one(build):
    assert {'select', 'space', 'idle_modules', 'with_architecture'} < set(ASKED)
    supernet = build()
    assert [name for name in ASKED if not hasattr(supernet, name)] == []
