import random

from mmtransfer.cost.noted import with_cost
from mmtransfer.cost.table import cost_table
from mmtransfer.spaces import mbconv_space

SIZE = (64, 96)
SMALL = mbconv_space('mobilenet_v2', layers=(2, 1, 1, 1, 1, 1), kernels=(3, 5), expansions=(3, 6))


def test_with_cost_notes_the_tables_numbers():
    table = cost_table(SMALL, SIZE, 'params', 16)
    found = with_cost(SMALL.sample(random.Random(1)), table, epoch=3)
    assert found.cost == {
        'madds': cost_table(SMALL, SIZE, output_stride=16).of(found),
        'params': table.of(found),
    }
    assert found.cost['madds'] > cost_table(SMALL, SIZE).of(found)
    assert (found.input_size, found.output_stride) == (SIZE, 16)
    assert found.provenance['epoch'] == 3
