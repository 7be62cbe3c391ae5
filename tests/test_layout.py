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
    ours = {
        "figures/labels.png", "figures/theta.svg", "snapshots/00000100.npy", "report.html",
        "checkpoints/100/checkpoint.json", "checkpoints/100/state.exc.v.npy", "checkpoints/observe/task.json",
        "checkpoints/test/000-0000250.npy", "checkpoints/.unfinished-0123abcd/history.npy",
    }  # fmt: skip
    others = {
        "mine/some", "figures/labels.jpg", "figures/mine.png", "snapshots/best.npy", "report.htm",
        "snapshots/a/1.npy",
        "checkpoints/bert.pt", "checkpoints/100/bert.pt", "checkpoints/²/checkpoint.json",
        "checkpoints/007/history.npy",
        "checkpoints/observe/notes.txt", "run.json", "notes.md",
    }  # fmt: skip
    for name in ours | others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(layout.PAGE_MARK.decode() if name == "report.html" else "")

    def there():
        return {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}

    layout.discard(tmp_path, "observe")
    of_observe = {f"{name}.npy" for name, file in layout.FILES.items() if file.phase == "observe"}
    assert len(of_observe) == 10
    gone = {"figures/labels.png", "checkpoints/observe/task.json", "report.html"} | of_observe
    assert (ours | others) - there() == gone - of_observe
    assert not there() & of_observe
    (tmp_path / "checkpoints" / "empty").mkdir()
    layout.discard(tmp_path, *layout.PHASES)
    assert there() == others | {"mine.npy", "raster_mine.npy", "test_mine.npy"}
    assert (tmp_path / "checkpoints" / "empty").is_dir()


def test_a_link_to_another_disk_is_kept_and_only_our_files_behind_it_go(tmp_path):
    scratch = tmp_path / "scratch"
    (scratch / "100").mkdir(parents=True)
    (scratch / "100" / "history.npy").write_text("")
    (scratch / "thesis.tex").write_text("")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(scratch)
    layout.discard(tmp_path / "run", "train")
    assert [path.name for path in scratch.iterdir()] == ["thesis.tex"]
    assert (tmp_path / "run" / "checkpoints").is_symlink()


def test_what_cannot_be_deleted_is_an_error(tmp_path, monkeypatch):
    write(tmp_path, "weights.npy")
    monkeypatch.setattr(
        type(tmp_path), "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "no"))
    )
    with pytest.raises(DiehlCookError, match=r"weights.npy: cannot delete \(no\)"):
        layout.discard(tmp_path, "train")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("weights", np.zeros((784, 15)), "shape is"),
        ("weights", np.full((784, 16), -1.0), "smallest value is -1"),
        ("assignments", np.zeros(16), "expected int"),
        ("raster_exc", np.zeros((3, 5)), "shape is"),
        ("confusion", np.zeros((3, 3), int), "shape is"),
        ("theta", None, "run `python -m diehlcook train --run [^`]*` first"),
        ("test_counts", None, "run `python -m diehlcook test --run [^`]*` first"),
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
        layout.Results(tmp_path, "observe", {"theta": theta})
    with pytest.raises(ValueError, match="is not what train writes"):
        layout.Results(tmp_path, "train", {"theta": np.ones((4, 4))})
    assert not list(tmp_path.iterdir())
    results = layout.Results(tmp_path, "train", {"theta": theta, "train_spikes": np.ones(16, int)})
    assert not layout.is_there(tmp_path, "theta")
    results.appear()
    assert list(results.digests) == ["theta", "train_spikes"]
    np.testing.assert_array_equal(layout.load(tmp_path, "theta", PARAMS), theta)
