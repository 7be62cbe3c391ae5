"""Figures of a run: arrays in, Matplotlib Axes or Figures out; no files, no display, no pyplot state.

Functions that draw one panel take an optional `ax` and return the Axes (``.figure.savefig(...)`` writes it);
functions that draw several return the Figure. All take a `title` (None: the usual one, "": none) and `facts`,
a line in small grey type that says which run it is. Quantities arrive in SI units, as the files of a run hold
them, and are shown in mV, s and images. Colours are safe for colour-blind readers: Okabe and Ito's for
curves, Tol's ten for classes; receptive fields keep the colour map of the paper's figure 2, ``hot_r``.
"""

from .course import accuracy_curves, raster, training_curves
from .fields import label_map, receptive_fields, theta_histogram, weight_histogram, weight_snapshots
from .outcome import confusion_matrix, misclassified
from .style import CLASS_COLOURS, STYLE, facts_title

__all__ = [
    "CLASS_COLOURS",
    "STYLE",
    "accuracy_curves",
    "confusion_matrix",
    "facts_title",
    "label_map",
    "misclassified",
    "raster",
    "receptive_fields",
    "theta_histogram",
    "training_curves",
    "weight_histogram",
    "weight_snapshots",
]
