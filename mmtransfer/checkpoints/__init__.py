"""Checkpoints as files: where they are, whether they are whole, and what may be read of them."""
