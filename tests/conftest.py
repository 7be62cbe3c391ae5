"""What several test files need: small images, parameters, and engines that are built once."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from diehlcook.engines.base import Model
from diehlcook.engines.registry import open_engine
from diehlcook.model import stimulus, wiring
from diehlcook.model.params import load_preset
from diehlcook.phases.raster import Raster

SCRIPTS = Path(__file__).parents[1] / "scripts"

os.environ.setdefault("DIEHLCOOK_CUDA", "emulated")  # "gpu", say, for the engine cuda to be tested on one


def load_script(name):
    """Import a module of scripts/, whatever folder it is in."""
    (path,) = SCRIPTS.rglob(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # it may import those beside it
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


@pytest.fixture(scope="session")
def scripts():
    """Modules of scripts/studies, which import each other by name, and whose dataclasses look themselves up in sys.modules."""
    folder = SCRIPTS / "studies"
    sys.path.insert(0, str(folder))
    names = [path.stem for path in folder.glob("*.py")]
    yield {
        name: importlib.import_module(name)
        for name in (
            "held_out",
            "masquelier2008",
            "mozafari2019",
            "other_data",
            "pages",
            "readout_study",
            "record",
            "results_page",
            "robustness",
            "steps",
            "stopping_point",
            "trials",
            "xo",
        )
    } | {"ship": load_script("ship")}
    sys.path.pop(0)
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def smoke():
    return load_preset("smoke")


@pytest.fixture(scope="session")
def strokes():
    """40 images (40, 784): a bright bar at an angle that changes from image to image."""
    rows, columns = np.mgrid[-13.5:14, -13.5:14]
    images = []
    for k in range(40):
        angle = np.pi * k * 0.37
        off = np.abs(rows * np.cos(angle) - columns * np.sin(angle))
        along = np.abs(rows * np.sin(angle) + columns * np.cos(angle))
        images.append(255 * np.clip(2.5 - off, 0, 1) * (along < 10))
    return np.array(images).astype(np.uint8).reshape(40, 784)


@pytest.fixture(scope="module")
def without_raster():
    """Let observe leave out its raster: three presentations in NumPy code, which take most of the time of a small run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "diehlcook.phases.observe.record_raster",
            lambda *_: Raster({}, {"presentations": 1, "labels": [0], "dt_ms": 0.5}),
        )
        yield


@pytest.fixture(scope="session")
def mnist_folder():
    folder = os.environ.get("DIEHLCOOK_MNIST")
    if not folder:
        pytest.skip("set DIEHLCOOK_MNIST to the folder of the MNIST files")
    return Path(folder)


@pytest.fixture
def numpy_target():
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = before


@pytest.fixture(scope="session")
def delays(smoke):
    return wiring.initial_delays(smoke, 3)


@pytest.fixture(scope="session")
def standalone(smoke, delays):
    """The training network of preset smoke as a compiled program."""
    with open_engine("standalone", Model(smoke, learning=True), delays) as engine:
        yield engine


@pytest.fixture(scope="session")
def start(smoke, standalone):
    """The state in which training with seed 3 starts."""
    return standalone.initial_state(stimulus.stream_key(3, "train"), wiring.initial_weights(smoke, 3))
