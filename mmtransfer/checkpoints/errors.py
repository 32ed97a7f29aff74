"""The one error of reading checkpoints."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, cannot be read safely, or holds something else."""
