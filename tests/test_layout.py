"""The table of a run directory is what the phases write, what is checked, and all that is deleted."""

import numpy as np
import pytest

from diehlcook.errors import DiehlCookError
from diehlcook.model.params import load_preset
from diehlcook.runs import layout

PARAMS = load_preset("smoke")


def write(folder, *names):
    for name in names:
        np.save(folder / name, np.zeros(3))
    return folder


def test_only_what_the_table_names_is_deleted(tmp_path):
    write(tmp_path, *(f"{name}.npy" for name in layout.FILES), "mine.npy", "raster_mine.npy", "test_mine.npy")
    for folder in ("figures", "snapshots", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "some").write_text("")
    layout.discard(tmp_path, "observe", "plot")
    left = {path.name for path in tmp_path.iterdir()}
    of_observe = {f"{name}.npy" for name, file in layout.FILES.items() if file.phase == "observe"}
    assert len(of_observe) == 8
    assert not left & (of_observe | {"figures"})
    layout.discard(tmp_path, *layout.PHASES)
    assert {path.name for path in tmp_path.iterdir()} == {
        "mine.npy",
        "raster_mine.npy",
        "test_mine.npy",
        "mine",
    }


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("weights", np.zeros((784, 15)), "shape is"),
        ("weights", np.full((784, 16), -1.0), "smallest value is -1"),
        ("assignments", np.zeros(16), "expected int"),
        ("raster_exc", np.zeros((3, 5)), "shape is"),
        ("confusion", np.zeros((3, 3), int), "shape is"),
        ("theta", None, "run `python -m diehlcook train` first"),
        ("test_counts", None, "run `python -m diehlcook test` first"),
    ],
)
def test_what_is_not_as_the_table_says_is_refused(tmp_path, name, array, message):
    if array is not None:
        np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(DiehlCookError, match=message):
        layout.load(tmp_path, name, PARAMS, classes=10)


def test_a_phase_writes_its_own_files_only(tmp_path):
    theta = np.ones(16)
    with pytest.raises(ValueError, match="is not what observe writes"):
        layout.save(tmp_path, "observe", {"theta": theta})
    with pytest.raises(ValueError, match="is not what train writes"):
        layout.save(tmp_path, "train", {"theta": np.ones((4, 4))})
    digests = layout.save(tmp_path, "train", {"theta": theta, "train_spikes": np.ones(16, int)})
    assert list(digests) == ["theta"]
    np.testing.assert_array_equal(layout.load(tmp_path, "theta", PARAMS), theta)
