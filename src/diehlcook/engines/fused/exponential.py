"""The exponential function in loops that vectorise, within an ulp."""

from __future__ import annotations

import numpy as np
from numba import njit

LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUND = 6755399441055744.0
"""1.5 * 2^52: adding it rounds to whole numbers, which then stand in the low bits."""
ROUND_BITS = 0x4338000000000000
SMALLEST_EXPONENT = -708.0
NEAR = 0.346
"""Below ln(2)/2, so that the exponential needs no power of 2."""
SMALL = 0.03
"""Up to here a polynomial of half the degree will do."""


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def small_exponential(r):
    """Return exp(r) for |r| <= SMALL: the Taylor polynomial of degree 7."""
    p = 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    return p * r + 1.0


@njit(error_model="numpy", fastmath={"contract"}, forceinline=True)
def near_exponential(r):
    """Return exp(r) for |r| <= NEAR: the Taylor polynomial of degree 14."""
    p = 1.0 / 87178291200.0
    p = p * r + 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    return p * r + 1.0


@njit(error_model="numpy", fastmath={"contract"})
def exponential(x, out, whole):
    """Write exp(x) for x <= 0 into `out`; `whole` is scratch.

    exp(x) = 2^n exp(r) with n = round(x/ln 2), |r| <= ln(2)/2.
    """
    for j in range(x.size):
        y = max(x[j], SMALLEST_EXPONENT)
        shifted = y * LOG2E + ROUND
        n = shifted - ROUND
        out[j] = near_exponential((y - n * LN2_HIGH) - n * LN2_LOW)
        whole[j] = shifted
    bits = whole.view(np.int64)
    for j in range(x.size):
        bits[j] = (bits[j] - ROUND_BITS + 1023) << 52
    for j in range(x.size):
        out[j] *= whole[j]
