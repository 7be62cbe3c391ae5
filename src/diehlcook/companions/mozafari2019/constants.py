"""The constants of Mozafari et al. 2019 (Pattern Recognition 94:87-95), as in the authors' code (SpykeTorch, MozafariDeep.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ...errors import DiehlCookError
from ...model.constants import Constants, par
from ..common.constants import require

CODE = "authors' code (SpykeTorch)"

IMAGE_SIDE = 28
"""Rows and columns of an image."""

DOG = ((3, 3, 6), (3, 6, 3), (7, 7, 14), (7, 14, 7), (13, 13, 26), (13, 26, 13))
"""Difference-of-Gaussians kernels: size, and 9 times the two standard deviations, in pixels; on and off
centres at three scales."""


class Layer(NamedTuple):
    """One convolution with its competition; see the constants of the same names."""

    maps: int
    size: int
    pad: int
    theta: float
    pool: int
    winners: int
    radius: int


@dataclass(frozen=True)
class Mozafari2019(Constants):
    """The constants of one experiment; times in steps, potentials without unit."""

    listing: ClassVar[str] = "python -m diehlcook companion mozafari2019 --params"

    steps: int = par(15, "T", "time steps: bins of input spikes", CODE)
    floor: float = par(50.0, "", "smaller responses of a filter are none", CODE)
    radius_norm: int = par(8, "", "radius of the local normalisation, pixels", CODE)

    maps_1: int = par(30, "", "maps of layer 1", CODE)
    size_1: int = par(5, "", "kernel of layer 1", CODE)
    pad_1: int = par(2, "", "padding of layer 1", CODE)
    theta_1: float = par(15.0, "", "threshold of layer 1", CODE)
    pool_1: int = par(2, "", "pooling after layer 1, window and stride", CODE)
    winners_1: int = par(5, "k", "winners per image, layer 1", CODE)
    radius_1: int = par(3, "r", "radius of inhibition between winners, layer 1", CODE)
    epochs_1: int = par(2, "", "passes over the images for layer 1", CODE)

    maps_2: int = par(250, "", "maps of layer 2", CODE)
    size_2: int = par(3, "", "kernel of layer 2", CODE)
    pad_2: int = par(1, "", "padding of layer 2", CODE)
    theta_2: float = par(10.0, "", "threshold of layer 2", CODE)
    pool_2: int = par(3, "", "pooling after layer 2, window and stride", CODE)
    winners_2: int = par(8, "k", "winners per image, layer 2", CODE)
    radius_2: int = par(1, "r", "radius of inhibition between winners, layer 2", CODE)
    epochs_2: int = par(4, "", "passes over the images for layer 2", CODE)

    maps_3: int = par(200, "", "maps of layer 3, as many for each class", CODE)
    size_3: int = par(5, "", "kernel of layer 3", CODE)
    pad_3: int = par(2, "", "padding of layer 3", CODE)
    low_3: float = par(0.2, "", "smallest weight of layer 3", CODE)
    high_3: float = par(0.8, "", "largest weight of layer 3", CODE)

    w_mean: float = par(0.8, "", "mean of the initial weights", CODE)
    w_sd: float = par(0.05, "", "their standard deviation", CODE)
    a_plus: float = par(0.004, "a+", "potentiation: STDP at first; reward", CODE)
    a_minus: float = par(0.003, "a-", "depression: STDP at first; reward", CODE)
    doubling: int = par(500, "", "images after which the rates of STDP double", CODE)
    a_plus_max: float = par(0.15, "", "potentiation at most", CODE)
    a_ratio: float = par(0.75, "", "depression over potentiation once they have doubled", CODE)
    b_plus: float = par(0.0005, "b+", "potentiation of inputs that did not spike, when punished", CODE)
    b_minus: float = par(0.004, "b-", "depression of inputs that spiked, when punished", CODE)
    batch: int = par(1000, "", "images after which reward and punishment adapt to the errors", CODE)

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = [n for n in self.table() if n.startswith(("maps_", "size_", "pool_", "winners_", "epochs_"))]
        self.require_positive("steps", "w_mean", "a_plus", "a_minus", "doubling", "batch", *sizes)
        require(self, "steps", self.steps <= 250, "it must be at most 250")
        fits = self.low_3 <= self.high_3
        require(self, "low_3", fits, f"it must not be greater than high_3 ({self.high_3})")
        require(self, "w_sd", self.w_sd >= 0, "it must not be negative")
        if self.side < 1:
            raise DiehlCookError("kernels and pooling leave nothing of an image for layer 3")
        require(self, "maps_3", self.maps_3 % 10 == 0, "it must be a multiple of the 10 classes")

    @property
    def side(self) -> int:
        """Rows and columns of what layer 2 gives, after pooling."""
        side = IMAGE_SIDE
        for number in (1, 2):
            one = self.layer(number)
            side = (side + 2 * one.pad - one.size + 1) // one.pool
        return side

    def layer(self, number: int) -> Layer:
        """Return the constants of layer 1 or 2."""
        return Layer(*(getattr(self, f"{name}_{number}") for name in Layer._fields))
