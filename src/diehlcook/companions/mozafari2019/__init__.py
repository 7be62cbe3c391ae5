"""A deep convolutional network with STDP and reward-modulated STDP (Mozafari et al. 2019), in NumPy; Numba where it is installed.

`constants` has the numbers, `encoding` turns images into spike times, `layers` says what layers and rules do,
`kernel` does the same fast, `experiment` trains and tests. Not in Brian2: there is no weight sharing between
synapses.
"""
