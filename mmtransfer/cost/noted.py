"""The cost that an architecture file notes."""

from typing import Any

from mmtransfer.architecture import Architecture
from mmtransfer.cost.metrics import METRICS, counted_metrics
from mmtransfer.cost.table import CostTable, cost_table


def with_cost(architecture: Architecture, table: CostTable, **provenance: Any) -> Architecture:
    """The same architecture with the backbone's cost, and the sizes that it was counted at, noted.

    Args:
        architecture: Of the table's space.
        table: Gives input size and output stride. What is counted, multiply-adds and
            parameters, is noted in any case; where the table is of something else, that too.
        **provenance: Further notes on where the architecture comes from.
    """
    size, stride = table.input_size, table.output_stride
    channels = table.in_channels
    counted = counted_metrics()
    tables = [cost_table(table.space, size, name, stride, channels) for name in counted]
    if table.metric not in counted:
        tables.append(table)
    return architecture.replace(
        cost={METRICS[t.metric].key: t.of(architecture) for t in tables},
        input_size=size,
        output_stride=stride,
        provenance={**architecture.provenance, **provenance},
    )
