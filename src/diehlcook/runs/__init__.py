"""The run directory: its files, checkpoints, and the networks that come with the package."""
