"""CUDA: the same model on an NVIDIA GPU, for many networks at once."""
