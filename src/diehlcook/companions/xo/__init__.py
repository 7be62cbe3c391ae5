"""Izhikevich neurons tell X from O, and five reasons why STDP weights vanish or teach nothing.

`constants` has the numbers and the faults, `patterns` the images, `network` the equations, `experiment` a
run, `diagnosis` what is wrong with it.
"""

from .constants import FAULTS, XO

__all__ = ["FAULTS", "XO"]
