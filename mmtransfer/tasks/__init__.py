"""What the toolboxes lack."""
