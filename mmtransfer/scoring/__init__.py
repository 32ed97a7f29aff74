"""What a candidate is worth on held-out data."""
