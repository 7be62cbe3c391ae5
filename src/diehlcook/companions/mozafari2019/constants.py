"""The constants of Mozafari et al. 2019 (Pattern Recognition 94:87-95), as in the authors' code (SpykeTorch, MozafariDeep.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ...errors import DiehlCookError
from ...model.constants import Constants, par
from ...model.params import ORDERS
from ..common.constants import require

CODE = "authors' code (SpykeTorch)"
SHALLOW = "authors' code has no dropout here; that of 2018 (MozafariShallow.py) has 0.4 or 0.5"
RENEWAL = "ours; the authors' code of 2018 draws them for each pass over some hundreds of images"
SHUFFLED = "ours, as in the blog's script; the authors' code has file order"
BLOG = "ours: off, as in the authors' code; the blog has 0.008"

IMAGE_SIDE = 28
"""Rows and columns of an image."""

Filters = tuple[tuple[int, float, float], ...]
"""Difference-of-Gaussians filters: size, and standard deviations of the Gaussian that is added and of the one that
is taken away, in pixels."""

DOG: Filters = tuple(
    (size, one / 9, other / 9)
    for size, one, other in ((3, 3, 6), (3, 6, 3), (7, 7, 14), (7, 14, 7), (13, 13, 26), (13, 26, 13))
)
"""The filters of the network: on and off centres at three scales."""

DOG_BLOG: Filters = ((7, 1, 2), (7, 2, 1))
"""The filters of the blog, on and off centres at one scale, as in Kheradpisheh et al. 2018."""


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

    steps: int = par(15, "T", "time steps: bins of input spikes", CODE, within=(1, 250))
    floor: float = par(50.0, "", "smaller responses of a filter are none", CODE, within=(0, 1e9))
    radius_norm: int = par(8, "", "radius of the local normalisation, pixels", CODE, within=(0, 1e3))

    order: str = par(
        "shuffled",
        "",
        "order of the training images: every pass as in the file, or each pass shuffled anew from the seed",
        SHUFFLED,
        choices=ORDERS,
    )

    maps_1: int = par(30, "", "maps of layer 1", CODE, within=(1, 1e5))
    size_1: int = par(5, "", "kernel of layer 1", CODE, within=(1, 1e3))
    pad_1: int = par(2, "", "padding of layer 1", CODE, within=(0, 1e3))
    theta_1: float = par(15.0, "", "threshold of layer 1", CODE, within=(0, 1e9))
    pool_1: int = par(2, "", "pooling after layer 1, window and stride", CODE, within=(1, 1e3))
    winners_1: int = par(5, "k", "winners per image, layer 1", CODE, within=(1, 1e5))
    radius_1: int = par(3, "r", "radius of inhibition between winners, layer 1", CODE, within=(0, 1e3))
    epochs_1: int = par(2, "", "passes over the images for layer 1", CODE, within=(1, 1e6))

    maps_2: int = par(250, "", "maps of layer 2", CODE, within=(1, 1e5))
    size_2: int = par(3, "", "kernel of layer 2", CODE, within=(1, 1e3))
    pad_2: int = par(1, "", "padding of layer 2", CODE, within=(0, 1e3))
    theta_2: float = par(10.0, "", "threshold of layer 2", CODE, within=(0, 1e9))
    pool_2: int = par(3, "", "pooling after layer 2, window and stride", CODE, within=(1, 1e3))
    winners_2: int = par(8, "k", "winners per image, layer 2", CODE, within=(1, 1e5))
    radius_2: int = par(1, "r", "radius of inhibition between winners, layer 2", CODE, within=(0, 1e3))
    epochs_2: int = par(4, "", "passes over the images for layer 2", CODE, within=(1, 1e6))

    maps_3: int = par(200, "", "maps of layer 3, as many for each class", CODE, within=(1, 1e5))
    size_3: int = par(5, "", "kernel of layer 3", CODE, within=(1, 1e3))
    pad_3: int = par(2, "", "padding of layer 3", CODE, within=(0, 1e3))
    low_3: float = par(0.2, "", "smallest weight of layer 3", CODE, within=(0, 1e9))
    high_3: float = par(0.8, "", "largest weight of layer 3", CODE, within=(0, 1e9))
    dropout_3: float = par(
        0.0, "", "share of the maps of each class that neither decide nor learn", SHALLOW, within=(0, 0.99)
    )
    renewal_3: int = par(
        50, "", "images after which other maps drop out, and after each `batch`", RENEWAL, within=(1, 1e9)
    )

    w_mean: float = par(0.8, "", "mean of the initial weights", CODE, within=(1e-6, 1e9))
    w_sd: float = par(0.05, "", "their standard deviation", CODE, within=(0, 1e9))
    a_plus: float = par(0.004, "a+", "potentiation: STDP at first; reward", CODE, within=(1e-6, 1e9))
    a_minus: float = par(0.003, "a-", "depression: STDP at first; reward", CODE, within=(1e-6, 1e9))
    doubling: int = par(500, "", "images after which the rates of STDP double", CODE, within=(1, 1e9))
    a_plus_max: float = par(0.15, "", "potentiation at most", CODE, within=(0, 1e9))
    a_ratio: float = par(
        0.75, "", "depression over potentiation once they have doubled", CODE, within=(0, 1e9)
    )
    settled: float = par(
        0.0,
        "C",
        "layer 1 or 2 stops after its first pass once its mean of w (1 - w) is below, 0 for never",
        BLOG,
        within=(0, 0.25),
    )
    b_plus: float = par(
        0.0005, "b+", "potentiation of inputs that did not spike, when punished", CODE, within=(0, 1e9)
    )
    b_minus: float = par(
        0.004, "b-", "depression of inputs that spiked, when punished", CODE, within=(0, 1e9)
    )
    batch: int = par(
        1000, "", "images after which reward and punishment adapt to the errors", CODE, within=(1, 1e9)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        fits = self.low_3 <= self.high_3
        require(self, "low_3", fits, f"it must not be greater than high_3 ({self.high_3})")
        if min(self.sides) < 1:
            raise DiehlCookError("kernels and pooling leave nothing of an image")
        require(self, "maps_3", self.maps_3 % 10 == 0, "it must be a multiple of the 10 classes")

    @property
    def sides(self) -> tuple[int, int, int]:
        """Rows and columns of what each layer gives, after pooling."""
        first, second = self.layer(1), self.layer(2)
        one = (IMAGE_SIDE + 2 * first.pad - first.size + 1) // first.pool
        two = (one + 2 * second.pad - second.size + 1) // second.pool
        return one, two, two + 2 * self.pad_3 - self.size_3 + 1

    @property
    def side(self) -> int:
        """Rows and columns of what layer 2 gives, after pooling."""
        return self.sides[1]

    def layer(self, number: int) -> Layer:
        """Return the constants of layer 1 or 2."""
        return Layer(*(getattr(self, f"{name}_{number}") for name in Layer._fields))
