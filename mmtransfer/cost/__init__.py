"""What architectures and models cost: formulas and a table without torch, a counter that watches."""

from .table import CostTable, cost_table

__all__ = ['CostTable', 'cost_table']
