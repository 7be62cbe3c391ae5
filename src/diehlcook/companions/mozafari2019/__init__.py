"""A deep convolutional network with STDP and reward-modulated STDP (Mozafari et al. 2019), compiled by Numba.

`constants` has the numbers, `encoding` turns images into spike times, `kernel` says what layers and rules do,
`experiment` trains and tests. Not in Brian2: there is no weight sharing between
synapses.
"""
