"""Other spiking models that the readers of Diehl & Cook ask for, each in a folder of its own; `python -m diehlcook companion NAME`.

They do not know each other; what all of them do is in `common`. They use the tables of constants, the
checkpoints, figures' style and health of the core; the core knows nothing of them but this list, from which
the command line takes their names.
"""

COMPANIONS = {
    "masquelier2008": "one STDP neuron finds a repeating pattern in the spikes of 2000 afferents "
    "(Masquelier, Guyonneau & Thorpe 2008)",
    "xo": "Izhikevich neurons tell X from O, and why STDP weights vanish (after Christophe et al. 2015)",
    "mozafari2019": "a deep convolutional network learns digits by STDP and by reward (Mozafari et al. "
    "2019); Numba, not Brian2",
}
"""Name of the module: what it does, in one line. Each has `add_arguments`, `resolve`, `run`, `again` and
`sentences` in `command`."""
