"""The cost that an architecture file notes."""

from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import UNITS
from mmtransfer.cost.table import METRICS, CostTable, cost_table


def with_cost(architecture: Architecture, table: CostTable, **provenance: Any) -> Architecture:
    """The same architecture with the backbone's cost, and the sizes that it was counted at, noted.

    Args:
        architecture: Of the table's space.
        table: Gives input size and output stride. Multiply-adds and parameters are noted in any
            case; where it is one of latencies, the milliseconds too.
        **provenance: Further notes on where the architecture comes from.
    """
    size, stride = table.input_size, table.output_stride
    channels = table.in_channels
    tables = [cost_table(table.space, size, metric, stride, channels) for metric in METRICS]
    if table.metric not in METRICS:
        tables.append(table)
    return architecture.replace(
        cost={UNITS[t.metric].key: t.of(architecture) for t in tables},
        input_size=size,
        output_stride=stride,
        provenance={**architecture.provenance, **provenance},
    )
