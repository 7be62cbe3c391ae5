"""Data sets: read, refused, shown like MNIST; MNIST itself is in test_mnist."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diehlcook.data import datasets
from diehlcook.data.datasets import expected_input_spikes, load
from diehlcook.data.mnist import MNIST_SHA256
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import Params

STEMS = list(MNIST_SHA256)


def idx(array):
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def pair(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 4, 3), np.uint8), rng.integers(0, 10, n, np.uint8)


def put(folder, contents, name="{}", pack=bytes):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, raw in contents.items():
        (folder / name.format(stem)).write_bytes(pack(raw))
    return folder


def refusal(call, *args, **options):
    with pytest.raises(DiehlCookError) as caught:
        call(*args, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Damaged IDX files


IMAGES, LABELS = pair(5)
GZIPPED = gzip.compress(idx(IMAGES), mtime=0)  # no time in it: it is part of the names of tests
FLIPPED = GZIPPED[:20] + bytes([GZIPPED[20] ^ 0xFF]) + GZIPPED[21:]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["0 bytes", "16"]),
        (idx(IMAGES)[:10], ["10 bytes", "16"]),
        (idx(LABELS) + bytes(16), ["0x00000801", "0x00000803"]),
        (b"<!DOCTYPE html><html></html>", ["magic", "0x00000803"]),
        (idx(IMAGES)[:-1], ["truncated", "59 bytes", "60"]),
        (idx(IMAGES) + b"x", ["trailing", "61 bytes", "60"]),
        (struct.pack(">4I", 0x0803, 0, 28, 28), ["[0, 28, 28]", "at least one"]),
        (struct.pack(">4I", 0x0803, *[2**32 - 1] * 3), ["truncated", str((2**32 - 1) ** 3)]),
        (GZIPPED[:-12], ["damaged gzip"]),
        (GZIPPED[:-8] + bytes(8), ["damaged gzip", "CRC"]),
        (FLIPPED, ["damaged gzip"]),
        (GZIPPED[:2] + b"\x00" + GZIPPED[3:], ["damaged gzip"]),
    ],
)
def test_damaged_images(tmp_path, content, parts):
    folder = put(tmp_path / "d", {STEMS[0]: content, STEMS[1]: idx(LABELS)})
    message = refusal(load, str(folder), "train")
    assert message.startswith(str(folder / STEMS[0]))
    assert all(part in message for part in parts)


def test_images_and_labels_that_disagree(tmp_path):
    folder = put(tmp_path / "d", {STEMS[0]: idx(IMAGES), STEMS[1]: idx(LABELS[:4])})
    message = refusal(load, str(folder), "train")
    assert str(folder / STEMS[1]) in message
    assert "4 labels; expected 5" in message


def test_a_missing_file_of_a_folder(tmp_path):
    folder = put(tmp_path / "d", {STEMS[0]: idx(IMAGES), STEMS[1]: idx(LABELS)})
    assert len(load(str(folder), "train")) == 5
    message = refusal(load, str(folder), "test")
    assert str(folder) in message
    assert "t10k-images.idx3-ubyte.gz" in message


def test_an_unreadable_file(tmp_path, monkeypatch):
    folder = put(tmp_path / "d", {STEMS[0]: idx(IMAGES), STEMS[1]: idx(LABELS)})

    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    message = refusal(load, str(folder), "train")
    assert str(folder / STEMS[0]) in message
    assert "Permission denied" in message
    monkeypatch.setattr(Path, "is_dir", denied)
    assert "Permission denied" in refusal(load, str(folder), "train")


# Own data in an .npz


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return str(path)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.array([[[0, 255], [7, 3]]], np.uint8), [0, 255, 7, 3]),
        (np.array([[0, 255, 7, 3]], np.int64), [0, 255, 7, 3]),
        (np.array([[[0.0, 1.0], [0.5, 0.1]]]), [0, 255, 128, 26]),
        (np.array([[0, 1, 0.25, 0.75]], np.float16), [0, 255, 64, 191]),
        (np.array([[[False, True], [True, False]]]), [0, 255, 255, 0]),
        (np.array([[[[0], [255]], [[7], [3]]]], np.uint8), [0, 255, 7, 3]),
        (np.array([[[[0, 255], [7, 3]]]], np.uint8), [0, 255, 7, 3]),
    ],
)
def test_npz_images(tmp_path, images, expected):
    path = npz(tmp_path / "mine.npz", images=images, labels=np.array([3.0]))
    for split in ("train", "test"):
        dataset = load(path, split)
        assert dataset.name == path
        assert dataset.images.shape == (1, 2, 2)
        assert dataset.images.dtype == dataset.labels.dtype == np.uint8
        assert dataset.images.ravel().tolist() == expected
    assert load(path, "train").digest == load(path, "test").digest


def test_npz_with_parts(tmp_path):
    arrays = {
        "train_images": IMAGES,
        "train_labels": LABELS,
        "test_images": IMAGES[:2],
        "test_labels": LABELS[:2],
    }
    path = npz(tmp_path / "parts.npz", **arrays)
    assert (len(load(path, "train")), len(load(path, "test"))) == (5, 2)
    del arrays["test_labels"]
    path = npz(tmp_path / "fewer.npz", **arrays, images=IMAGES, labels=LABELS)
    message = refusal(load, path, "test")
    assert path in message
    assert "no array test_labels" in message


ONE = np.zeros((1, 2, 2), np.uint8)


@pytest.mark.parametrize(
    ("images", "labels", "parts"),
    [
        (np.full((1, 2, 2), np.nan), [0], ["images", "NaN", "0..1"]),
        (np.full((1, 2, 2), np.inf), [0], ["inf", "0..1"]),
        (np.full((1, 2, 2), -0.1), [0], ["-0.1", "0..1"]),
        (np.full((1, 2, 2), 255.0), [0], ["255.0", "0..1", "integers are 0..255", "divide by 255"]),
        (np.full((1, 2, 2), -1), [0], ["-1", "0..255"]),
        (np.full((1, 2, 2), 256), [0], ["256", "0..255"]),
        (np.ones((1, 2, 2), complex), [0], ["complex128", "uint8"]),
        (np.array([["a", "b", "c", "d"]]), [0], ["<U1", "uint8"]),
        (np.array([[None]]), [0], ["cannot be read", "Python objects", "labels.astype(str)"]),
        (np.zeros((1, 5), np.uint8), [0], ["(1, 5)", "side*side"]),
        (np.zeros((1, 2, 2, 2), np.uint8), [0], ["(1, 2, 2, 2)", "(n, rows, columns)"]),
        (np.zeros((1, 3, 2, 2), np.uint8), [0], ["(1, 3, 2, 2)", "numpy.moveaxis(images, 1, 3)"]),
        (np.zeros((0, 2, 2), np.uint8), [], ["(0, 2, 2)"]),
        (ONE, [0, 1], ["2 labels; expected 1"]),
        (ONE, [[1, 0]], ["labels", "(1, 2)", "one class number per image"]),
        (ONE, [0.5], ["labels", "float64", "integers"]),
        (ONE, [-1], ["labels", "-1"]),
        (ONE, [256], ["labels", "256"]),
    ],
)
def test_npz_refused(tmp_path, images, labels, parts):
    path = npz(tmp_path / "mine.npz", images=images, labels=np.array(labels))
    message = refusal(load, path, "train")
    assert message.startswith(path)
    assert all(part in message for part in parts)


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    """A file of some megabytes can unpack to a thousand times as much."""
    monkeypatch.setattr("diehlcook.data.idx.MOST_BYTES", 10_000)
    bomb = gzip.compress(idx(IMAGES) + bytes(1_000_000))
    put(tmp_path / "idx", dict(zip(STEMS, [bomb] * 4, strict=True)), "{}.gz")
    assert "unpacks to more than 10,000 bytes" in refusal(load, str(tmp_path / "idx"), "train")
    np.savez_compressed(
        tmp_path / "a.npz", images=np.zeros((100, 20, 20), np.uint8), labels=np.zeros(100, int)
    )
    assert "more than 10,000" in refusal(load, str(tmp_path / "a.npz"), "train")


def test_npz_damaged_or_of_another_kind(tmp_path):
    path = tmp_path / "mine.npz"
    whole = Path(npz(path, images=IMAGES, labels=LABELS)).read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:60] + bytes(40) + whole[100:], b"plain text"):
        path.write_bytes(content)
        assert refusal(load, str(path), "train").startswith(f"{path}: cannot be read")
    message = refusal(load, npz(path, x_train=IMAGES), "train")
    assert "x_train" in message
    assert "train_images" in message
    path.unlink()
    path.mkdir()
    assert "t10k-images-idx3-ubyte" in refusal(load, str(path), "test")


def test_names_that_are_nothing(tmp_path):
    assert "did you mean mnist?" in refusal(load, "mnits", "train")
    for name in (str(tmp_path / "absent.npz"), "~nobody-of-this-name/x", "", "x" * 5000):
        assert "dataset " in refusal(load, name, "train") or name in refusal(load, name, "train")
    (tmp_path / "images.csv").write_text("0,1")
    assert ".npz" in refusal(load, str(tmp_path / "images.csv"), "train")
    assert "'validation'" in refusal(load, "digits", "validation")
    assert f"dataset {tmp_path}" in refusal(load, "digits", "train", data=tmp_path)


# The embedded digits, and what all share


def test_digits_parts_are_the_forms():
    train, test = load("digits", "train"), load("digits", "test")
    assert (train.images.shape, test.images.shape) == ((1287, 28, 28), (510, 28, 28))
    # Every form begins with three rows of 0 to 9: the cut is between two forms.
    rows = list(range(10)) * 3
    assert train.labels[:30].tolist() == test.labels[:30].tolist() == rows
    assert np.bincount(train.labels).min() >= 125
    assert np.bincount(test.labels).min() >= 45
    assert not {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}


def test_digits_are_these_on_every_machine():
    digests = [load("digits", split).digest for split in ("train", "test")]
    assert digests == [
        "44660aa0b1939de8095eeaff8eccb4dbc93d72a5ef478a07b5b20a0047e7ad9c",
        "64916a89504af693ea5283f87460ba484bbeb2ec3c6bf468018a6b00a97bce7e",
    ]


def test_digits_look_like_mnist():
    for split in ("train", "test"):
        images = load("digits", split).images
        spikes = expected_input_spikes(images)
        assert spikes.mean() == pytest.approx(2286, rel=0.05)
        assert spikes.min() > 800
        assert spikes.max() < 4300
        assert (images > 0).mean() == pytest.approx(0.19, abs=0.01)
        assert (images == 255).any()
        margin = images.copy()
        margin[:, 3:25, 3:25] = 0
        assert not margin.any()


def test_one_block_of_ink_becomes_a_symmetric_spot():
    ink = np.zeros((1, 8, 8), np.uint8)
    ink[0, 3:5, 3:5] = 16
    shown = datasets._digits_as_mnist(ink)[0]
    np.testing.assert_array_equal(shown, shown.T)
    np.testing.assert_array_equal(shown, shown[::-1, ::-1])
    assert shown.max() == 255


def test_digits_are_scikit_learns():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    theirs = sklearn_datasets.load_digits()
    with np.load(datasets.DIGITS_FILE, allow_pickle=False) as ours:
        np.testing.assert_array_equal(ours["images"], theirs.images)
        np.testing.assert_array_equal(ours["labels"], theirs.target)
        assert "CC BY 4.0" in str(ours["source"])


def test_the_content_that_the_digest_vouches_for_cannot_be_changed():
    dataset = load("digits", "test").head(3)
    for array in (dataset.images, dataset.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_head():
    whole = load("digits", "test")
    part = whole.head(20)
    np.testing.assert_array_equal(part.images, whole.images[:20])
    np.testing.assert_array_equal(part.labels, whole.labels[:20])
    assert part.digest != whole.digest
    assert whole.head(len(whole)).digest == whole.digest
    for n in (0, -1, 511):
        with pytest.raises(DiehlCookError, match="1 to 510") as error:
            whole.head(n)
        assert str(error.value).startswith(f"head({n}):")
        assert error.value.typed.startswith(f"--samples {n}:")


def test_class_numbers_in_files_are_as_they_are(tmp_path):
    few = npz(tmp_path / "few.npz", images=IMAGES, labels=np.array([0, 1, 0, 1, 0]))
    many = npz(tmp_path / "many.npz", images=IMAGES, labels=np.array([0, 1, 26, 1, 0]))
    assert load(few, "train").classes == ("0", "1")
    assert load(many, "train").n_classes == 27
    assert load(many, "train").labels.tolist() == [0, 1, 26, 1, 0]


def test_expected_input_spikes():
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, :2] = 255
    assert expected_input_spikes(images).tolist() == pytest.approx([0, 2 * 63.75 * 0.35])
    assert expected_input_spikes(images, Params().with_values({"intensity_init": 1, "t_stimulus": "1 s"}))[
        1
    ] == pytest.approx(63.75)


def test_brian2_and_progressbar_are_not_loaded():
    code = (
        "import sys; from diehlcook.data.datasets import load; load('digits', 'test'); "
        "sys.exit(bool({'brian2', 'progressbar', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
