"""Engines advance a network by chunks of presentations; what they share is in `base`, which there are in `registry`."""
