"""The engine fused: the network as one Numba kernel."""
