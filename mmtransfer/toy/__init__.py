"""Made data: scenes of coloured shapes, for every task."""
