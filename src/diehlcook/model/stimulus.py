"""Rate encoding (paper §2.5) and the stateless random numbers that make the input spikes.

Whether an input neuron fires in a time step is decided by a hash of what the draw is for, not by the next
number of a generator: (seed, phase, repeat) give a stream; stream, position of the image in the phase, and
attempt give a presentation's key; key, step and input give the draw. So nothing has to be saved or restored,
and the spikes depend neither on how a simulation was split nor on the engine nor on the number of processes.

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195): `uniform` is
the SplitMix64 sequence that starts at the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from brian2 import Function

GAMMA = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB

PHASES = {"train": 1, "observe": 2, "test": 3, "predict": 4}

POISSON_INPUT = """
rate : Hz
key : integer (linked)
slot : integer (linked)
intensity : 1 (linked)
"""
"""Variables of an input neuron."""

POISSON_SPIKE = "step < stimulus_steps and rate > 0*Hz and uniform(key, step*n_input + i) < rate*dt"
"""Condition for an input spike: most pixels are black and nothing fires in the rest, so the draw comes
last."""

SHOW_IMAGE = "rate = pixels(slot*second, i)*pixel_rate*intensity + noise_rate"
"""Executed for every input neuron before each presentation."""


def mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the SplitMix64 finaliser of each element."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(MIX_2)
    return z ^ (z >> np.uint64(31))


def fold(key: Any, value: Any) -> NDArray[np.int64]:
    """Return a new key from a key and a value; different values give unrelated keys."""
    key = np.asarray(key, dtype=np.int64).astype(np.uint64)
    value = np.asarray(value, dtype=np.int64).astype(np.uint64)
    return mix(np.atleast_1d(mix(np.atleast_1d(key + np.uint64(GAMMA))) ^ value)).astype(np.int64)


def stream_key(seed: int, phase: str, repeat: int = 0) -> int:
    """Return the key of the spikes of one phase: part of the state of a network.

    Parameters
    ----------
    seed
        Seed of the run, at least 0.
    phase
        One of `PHASES`.
    repeat
        Counts presentations of the whole data set.
    """
    return int(fold(fold(fold(0, seed), PHASES[phase]), repeat)[0])


def presentation_key(stream: Any, position: Any, attempt: Any) -> NDArray[np.int64]:
    """Return the key of one presentation."""
    return fold(fold(stream, position), attempt)


def uniform(key: Any, counter: Any) -> NDArray[np.float64]:
    """Return numbers uniform in [0, 1) with 53 random bits, one per (key, counter)."""
    key = np.asarray(key, dtype=np.int64).astype(np.uint64)
    counter = np.asarray(counter, dtype=np.int64).astype(np.uint64)
    z = np.atleast_1d(key + (counter + np.uint64(1)) * np.uint64(GAMMA))
    return (mix(z) >> np.uint64(11)).astype(np.float64) * 2.0**-53


CPP = """
static inline uint64_t diehlcook_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}
static inline uint64_t diehlcook_fold(uint64_t key, uint64_t value) {
    return diehlcook_mix(diehlcook_mix(key + 0x9E3779B97F4A7C15ULL) ^ value);
}
static inline int64_t presentation_key(int64_t stream, int64_t position, int64_t attempt) {
    return (int64_t)diehlcook_fold(diehlcook_fold((uint64_t)stream, (uint64_t)position), (uint64_t)attempt);
}
static inline double uniform(int64_t key, int64_t counter) {
    const uint64_t z = (uint64_t)key + ((uint64_t)counter + 1) * 0x9E3779B97F4A7C15ULL;
    return (diehlcook_mix(z) >> 11) * 1.1102230246251565e-16;
}
"""
CYTHON = (
    """
from libc.stdint cimport int64_t, uint64_t
cdef extern from *:
    '''
"""
    + "\n".join("    " + line for line in CPP.splitlines())
    + """
    '''
    double uniform(int64_t key, int64_t counter) nogil
    int64_t presentation_key(int64_t stream, int64_t position, int64_t attempt) nogil
"""
)


def brian_functions() -> dict[str, Function]:
    """Return `uniform` and `presentation_key` for Brian2 equations, with C++, Cython and NumPy implementations."""
    from brian2 import Function

    functions = {
        "uniform": Function(
            uniform, arg_units=[1, 1], arg_types=["integer"] * 2, return_unit=1, return_type="float"
        ),
        "presentation_key": Function(
            presentation_key,
            arg_units=[1] * 3,
            arg_types=["integer"] * 3,
            return_unit=1,
            return_type="integer",
        ),
    }
    for function in functions.values():
        function.implementations.add_implementation("cpp", CPP)
        function.implementations.add_implementation("cython", CYTHON)
        function.implementations.add_implementation("numpy", function.pyfunc)
    return functions
