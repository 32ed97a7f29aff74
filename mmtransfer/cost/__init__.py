"""What networks cost: formulas and a table without torch, and a counter that watches a model."""

from mmtransfer.cost.table import CostTable, cost_table

__all__ = ['CostTable', 'cost_table']
