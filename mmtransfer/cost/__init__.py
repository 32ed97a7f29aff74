"""What networks cost: formulas and a table without torch, and a counter that watches a model."""

from mmtransfer.cost.additive import AdditiveTable
from mmtransfer.cost.metrics import METRICS, Metric
from mmtransfer.cost.table import CostTable, cost_table

__all__ = ['METRICS', 'AdditiveTable', 'CostTable', 'Metric', 'cost_table']
