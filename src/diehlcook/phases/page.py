"""What our HTML pages share: the looks (page.html), the pictures in them, and which files they may replace."""

from __future__ import annotations

import base64
import io
import math
import os
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray
from PIL import Image

from ..errors import DiehlCookError
from ..figures.fields import mosaic
from ..runs.layout import is_page
from ..whole import write_whole


def check_page(path: Path) -> None:
    """Refuse to replace what is no page of ours, and, before anything is drawn, a place where none can be written."""
    place = next((one for one in path.absolute().parents if one.exists()), path)
    if not place.is_dir() or not os.access(place, os.W_OK):
        why = "Permission denied" if place.is_dir() else "Not a directory"
        raise DiehlCookError(f"{path}: cannot write ({why}); choose another --out")
    try:
        if path.is_dir() or (path.is_file() and not is_page(path)):
            raise DiehlCookError(
                f"{path}: is there already, and no page of this package; choose another --out"
            )
    except OSError as error:
        raise DiehlCookError(f"{path}: cannot be read ({error.strerror}); choose another --out") from None


def write_page(path: Path, template: str, **content: Any) -> None:
    """Fill a template of this folder, which escapes what is put into it, and write it whole.

    Parameters
    ----------
    path
        File to write; `check_page` has been asked.
    template
        Name of the template.
    content
        What it needs, ``title`` and ``subtitle`` among it.

    Raises
    ------
    DiehlCookError
        The file cannot be written.
    """
    templates = jinja2.PackageLoader("diehlcook", "phases")
    environment = jinja2.Environment(loader=templates, autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template(template).render(**content)
    write_whole(path, lambda file: file.write(page.encode(errors="xmlcharrefreplace")))


def picture(figure: Figure, dpi: int = 110) -> str:
    """Return a figure as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="webp", dpi=dpi, pil_kwargs={"quality": 82})
    return data_uri(buffer)


def embedded(image: Image.Image) -> str:
    """Return a picture as a data URI."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="webp", quality=82)
    return data_uri(buffer)


def sprite(tiles: NDArray[Any], colours: str, greatest: float) -> str:
    """Return images (n, rows, columns) as one picture, in rows of ceil(sqrt(n)): a data URI."""
    side = math.isqrt(len(tiles) - 1) + 1
    whole = np.nan_to_num(mosaic(tiles, math.ceil(len(tiles) / side), side))
    buffer = io.BytesIO()
    webp: dict[str, Any] = {"format": "webp", "pil_kwargs": {"quality": 70, "method": 6}}
    imsave(buffer, whole, cmap=colours, vmin=0.0, vmax=greatest, **webp)
    return data_uri(buffer)


def scale_of(weights: NDArray[Any], w_max: float) -> float:
    """Return the weight at the end of the colours: `w_max` or, if none comes near it, the 99.9th percentile."""
    return w_max if weights.max() >= w_max / 2 else float(np.percentile(weights, 99.9))


def data_uri(buffer: io.BytesIO) -> str:
    """Return a WebP picture as a data URI."""
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
