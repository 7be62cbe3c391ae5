"""One neuron with STDP finds a repeating spike pattern and its beginning (Masquelier, Guyonneau & Thorpe 2008).

`constants` has the numbers, `afferents` the input, `neuron` the equations, `engines` ways to run them,
`criteria` what counts as success, `experiment` a run.
"""

from .constants import Masquelier2008

__all__ = ["Masquelier2008"]
