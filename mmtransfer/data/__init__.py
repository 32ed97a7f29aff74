"""What is read and in which order: the split, the loaders, held-out data."""
