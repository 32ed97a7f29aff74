from types import SimpleNamespace

import pytest
import torch

from mmtransfer.cost.table import cost_table
from mmtransfer.search import TargetError, derive_supernet
from tests.search.cases import SIZE, SMALL
from tests.search.test_derive import drawn


@pytest.mark.parametrize('share', [1e-3, 0.9, 1.1, 1e3])
def test_a_target_out_of_reach_is_refused_when_a_checkpoint_is_derived(share):
    low, high = cost_table(SMALL, SIZE).bounds()
    p = {n: torch.tensor(v) for n, v in drawn(SMALL, 0).items()}
    net = SimpleNamespace(
        space=SMALL,
        output_stride=32,
        in_channels=3,
        probabilities=lambda: p,
        architecture_parameters=p.values,
    )
    cfg = dict(input_size=SIZE, searcher=dict(target=low * share if share < 1 else high * share))
    with pytest.raises(TargetError, match=f'{low:,}'):
        derive_supernet(net, cfg)
    cfg['searcher']['target'] = low
    assert derive_supernet(net, cfg).cost['madds'] <= low * 1.02
