"""Data: found, fetched, verified, read, refused. No test leaves this machine."""

import dataclasses
import gzip
import hashlib
import http.server
import io
import json
import os
import struct
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from diehlcook import datasets
from diehlcook.datasets import expected_input_spikes, fetch_mnist, find_mnist, load, user_cache, verify_mnist
from diehlcook.errors import DiehlCookError

REAL_MNIST = os.environ.get("DIEHLCOOK_MNIST")
needs_mnist = pytest.mark.skipif(not REAL_MNIST, reason="set DIEHLCOOK_MNIST to a folder with MNIST")

STEMS = list(datasets.MNIST_SHA256)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No MNIST, no home, no network."""
    monkeypatch.delenv("DIEHLCOOK_MNIST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(datasets.time, "sleep", lambda seconds: None)
    real = urllib.request.urlopen

    def local_only(request, **options):
        if not request.full_url.startswith("http://127.0.0.1:"):
            raise OSError("Name or service not known")
        return real(request, **options)

    monkeypatch.setattr(urllib.request, "urlopen", local_only)


def idx(array):
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def pair(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 4, 3), np.uint8), rng.integers(0, 10, n, np.uint8)


@pytest.fixture
def tiny(monkeypatch):
    """Raw content of a small stand-in for MNIST, whose sums the module then takes for MNIST's."""
    contents = dict(zip(STEMS, (idx(a) for a in (*pair(5), *pair(3, 1))), strict=True))
    sums = {stem: hashlib.sha256(raw).hexdigest() for stem, raw in contents.items()}
    monkeypatch.setattr(datasets, "MNIST_SHA256", sums)
    return contents


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


# Finding and reading MNIST


@pytest.mark.parametrize("where", ["data", "variable", "cache"])
@pytest.mark.parametrize("form", ["raw", "gz", "dotted", "unpacked in place"])
def test_mnist_is_read_from_each_place_in_each_form(tiny, tmp_path, monkeypatch, where, form):
    folder = user_cache() if where == "cache" else tmp_path / "mine"
    if form == "dotted":
        put(folder, {stem.replace("-idx", ".idx"): raw for stem, raw in tiny.items()})
    else:
        put(folder, tiny, "{}" if form == "raw" else "{}.gz", gzip.compress if form == "gz" else bytes)
    if where == "variable":
        monkeypatch.setenv("DIEHLCOOK_MNIST", str(folder))
    train = load("mnist", "train", data=folder if where == "data" else None)
    images, labels = pair(5)
    assert (train.name, train.split, len(train), train.n_classes) == ("mnist", "train", 5, 10)
    np.testing.assert_array_equal(train.images, images)
    np.testing.assert_array_equal(train.labels, labels)
    assert train.images.dtype == train.labels.dtype == np.uint8
    assert len(load("mnist", "test", data=folder if where == "data" else None)) == 3
    assert find_mnist(folder if where == "data" else None) == folder


def test_digest_is_that_of_the_two_idx_files(tiny, tmp_path):
    dataset = load("mnist", "train", data=put(tmp_path / "m", tiny, "{}.gz", gzip.compress))
    assert dataset.digest == hashlib.sha256(tiny[STEMS[0]] + tiny[STEMS[1]]).hexdigest()


def test_the_content_that_the_digest_vouches_for_cannot_be_changed():
    dataset = load("digits", "test").head(3)
    for array in (dataset.images, dataset.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_data_is_the_only_place_when_given(tiny, tmp_path):
    put(user_cache(), tiny)
    del tiny[STEMS[3]]
    message = refusal(load, "mnist", "train", data=put(tmp_path / "some", tiny))
    assert f"--data {tmp_path / 'some'}" in message
    assert STEMS[3] in message
    assert STEMS[0] not in message
    assert "no such folder" in refusal(load, "mnist", "train", data=tmp_path / "absent")


def test_incomplete_variable_folder_is_named(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("DIEHLCOOK_MNIST", str(put(tmp_path / "v", {STEMS[0]: tiny[STEMS[0]]})))
    message = refusal(load, "mnist", "train")
    assert "$DIEHLCOOK_MNIST" in message
    assert str(tmp_path / "v") in message
    assert all(stem in message for stem in STEMS[1:])


@pytest.mark.parametrize("download", [True, False])
def test_neither_mnist_nor_network(tmp_path, download, capsys):
    assert find_mnist() is None
    message = refusal(load, "mnist", "train", download=download)
    for part in (str(user_cache()), "$DIEHLCOOK_MNIST", "python -m diehlcook data", "--dataset digits"):
        assert part in message
    assert ("Name or service not known" in message) == download
    assert capsys.readouterr().err.count("\n") == download
    assert not list(user_cache().parent.rglob("*ubyte*"))


def test_other_content_under_the_names_of_mnist_is_refused(tiny, tmp_path):
    tiny[STEMS[0]] = idx(np.zeros((5, 4, 3), np.uint8))
    folder = put(tmp_path / "fashion", tiny)
    message = refusal(load, "mnist", "train", data=folder)
    assert str(folder / STEMS[0]) in message
    assert "SHA-256" in message
    assert f"--dataset {folder}" in message
    assert len(load("mnist", "test", data=folder)) == 3
    assert len(load(str(folder), "train")) == 5


def test_user_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    assert user_cache() == tmp_path / "cache" / "diehlcook" / "mnist"
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert user_cache() == tmp_path / "home" / ".cache" / "diehlcook" / "mnist"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_cache() == tmp_path / "home" / "Library" / "Caches" / "diehlcook" / "mnist"

    def homeless():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert "--data" in refusal(user_cache)


# Damaged IDX files


IMAGES, LABELS = pair(5)
GZIPPED = gzip.compress(idx(IMAGES))
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


# Verifying and fetching


def test_verify_tells_the_state_of_each_file(tiny, tmp_path):
    del tiny[STEMS[3]]
    folder = put(tmp_path / "m", tiny)
    (folder / STEMS[0]).rename(folder / "train-images.idx3-ubyte")
    (folder / STEMS[1]).write_bytes(idx(LABELS + 1))
    packed = gzip.compress(tiny[STEMS[2]])
    (folder / STEMS[2]).rename(folder / f"{STEMS[2]}.gz")
    (folder / f"{STEMS[2]}.gz").write_bytes(packed[:-1])
    checks = verify_mnist(folder)
    assert [check.name for check in checks] == STEMS
    assert [check.ok for check in checks] == [True, False, False, False]
    assert [check.found for check in checks] == [
        "train-images.idx3-ubyte",
        STEMS[1],
        f"{STEMS[2]}.gz",
        None,
    ]
    assert checks[0].size == len(tiny[STEMS[0]])
    assert checks[2].size == len(packed) - 1
    assert "not MNIST" in checks[1].problem
    assert "damaged gzip" in checks[2].problem
    assert "missing" in checks[3].problem
    json.dumps([dataclasses.asdict(check) for check in checks])


class Mirror(http.server.BaseHTTPRequestHandler):
    """The first folder of the address is the manner in which it serves."""

    def do_GET(self):
        manner, name = self.path.strip("/").split("/")
        self.server.asked.append((manner, name))
        content = gzip.compress(self.server.contents[name.removesuffix(".gz")])
        if manner == "flaky" and self.server.asked.count((manner, name)) == 1:
            manner = "down"
        if manner == "down":
            self.send_error(503)
            return
        sent = {
            "wrong": gzip.compress(idx(LABELS + 1)),
            "portal": b"<html>please log in</html>",
            "short": content[:-5],
            "clipped": content[:-5],
            "unpacked": gzip.decompress(content),
        }.get(manner, content)
        self.send_response(200)
        if manner != "unsized":
            self.send_header("Content-Length", str(len(content) if manner == "short" else len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tiny):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as running:
        running.contents, running.asked = tiny, []
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.url = lambda *manners: [f"http://127.0.0.1:{running.server_port}/{m}/" for m in manners]
        yield running
        running.shutdown()


@pytest.mark.parametrize("manner", ["good", "unsized", "unpacked", "flaky"])
def test_fetch_into_the_cache(server, manner, capsys):
    folder = fetch_mnist(mirrors=server.url(manner))
    assert folder == user_cache() == find_mnist()
    ending = "" if manner == "unpacked" else ".gz"
    assert sorted(path.name for path in folder.iterdir()) == sorted(stem + ending for stem in STEMS)
    assert all(check.ok for check in verify_mnist(folder))
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [f"downloading {stem}.gz" for stem in STEMS]
    assert len(load("mnist", "train")) == 5
    asked = len(server.asked)
    assert fetch_mnist(mirrors=server.url(manner)) == folder
    assert len(server.asked) == asked  # what is there is not fetched again


@pytest.mark.parametrize("manner", ["down", "wrong", "portal", "short", "clipped"])
def test_the_next_mirror_serves_when_the_first_fails(server, manner):
    folder = fetch_mnist(mirrors=server.url(manner, "good"), progress=False)
    assert all(check.ok for check in verify_mnist(folder))
    assert server.asked[:2] == [(manner, f"{STEMS[0]}.gz"), ("good", f"{STEMS[0]}.gz")]


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("down", "503"),
        ("wrong", "wrong content"),
        ("portal", "wrong content"),
        ("short", "broke off"),
        ("clipped", "damaged gzip"),
    ],
)
def test_a_failed_download_leaves_nothing(server, tmp_path, manner, reason, capsys):
    message = refusal(
        fetch_mnist, tmp_path / "new", mirrors=server.url(manner), rounds=2, pause=0, progress=False
    )
    assert reason in message
    assert f"/{manner}/{STEMS[0]}.gz" in message
    assert len(server.asked) == 2
    assert list((tmp_path / "new").iterdir()) == []
    assert capsys.readouterr().err == ""


def test_load_fetches_what_the_cache_lacks(server, monkeypatch):
    put(user_cache(), {STEMS[0]: server.contents[STEMS[0]]})
    monkeypatch.setattr(
        fetch_mnist, "__kwdefaults__", fetch_mnist.__kwdefaults__ | {"mirrors": server.url("good")}
    )
    assert len(load("mnist", "test", progress=False)) == 3
    assert [name for _, name in server.asked] == [f"{stem}.gz" for stem in STEMS[1:]]


def test_a_damaged_file_is_replaced_in_the_cache_but_not_elsewhere(server, tmp_path):
    for folder in (user_cache(), tmp_path / "mine"):
        put(folder, {STEMS[0]: b"another file"})
    fetch_mnist(mirrors=server.url("good"), progress=False)
    assert all(check.ok for check in verify_mnist(user_cache()))
    message = refusal(fetch_mnist, tmp_path / "mine", mirrors=server.url("good"), progress=False)
    assert str(tmp_path / "mine" / STEMS[0]) in message
    assert "move" in message
    assert (tmp_path / "mine" / STEMS[0]).read_bytes() == b"another file"


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    message = refusal(fetch_mnist, tmp_path / "file" / "m", mirrors=server.url("good"), progress=False)
    assert str(tmp_path / "file" / "m") in message
    assert server.asked == []
    real = Path.write_bytes

    def full_disk(path, content):
        real(path, content[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    message = refusal(fetch_mnist, tmp_path / "m", mirrors=server.url("good"), progress=False)
    assert "No space left on device" in message
    assert f"{STEMS[0]}.gz" in message
    assert list((tmp_path / "m").iterdir()) == []


def test_an_interrupted_write_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_mnist(tmp_path / "m", mirrors=server.url("good"), progress=False)
    assert list((tmp_path / "m").iterdir()) == []


@pytest.mark.parametrize("manner", ["good", "unsized"])
def test_a_terminal_gets_a_bar(server, tmp_path, monkeypatch, manner):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    progressbar = pytest.importorskip("progressbar")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    # It writes to the stderr that was there when it was imported.
    monkeypatch.setattr(progressbar.streams, "original_stderr", terminal)
    fetch_mnist(tmp_path / "m", mirrors=server.url(manner))
    assert STEMS[0] in terminal.getvalue()
    assert "downloading" not in terminal.getvalue()
    assert all(check.ok for check in verify_mnist(tmp_path / "m"))


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
    ],
)
def test_npz_images(tmp_path, images, expected):
    path = npz(tmp_path / "mine.npz", images=images, labels=np.array([3]))
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
        (np.full((1, 2, 2), 255.0), [0], ["255.0", "0..1", "integers are 0..255"]),
        (np.full((1, 2, 2), -1), [0], ["-1", "0..255"]),
        (np.full((1, 2, 2), 256), [0], ["256", "0..255"]),
        (np.ones((1, 2, 2), bool), [0], ["bool", "uint8"]),
        (np.ones((1, 2, 2), complex), [0], ["complex128", "uint8"]),
        (np.array([["a", "b", "c", "d"]]), [0], ["<U1", "uint8"]),
        (np.array([[None]]), [0], ["cannot be read", "Object arrays"]),
        (np.zeros((1, 5), np.uint8), [0], ["(1, 5)", "side*side"]),
        (np.zeros((1, 2, 2, 1), np.uint8), [0], ["(1, 2, 2, 1)", "(n, rows, columns)"]),
        (np.zeros((0, 2, 2), np.uint8), [], ["(0, 2, 2)"]),
        (ONE, [0, 1], ["2 labels; expected 1"]),
        (ONE, [[1, 0]], ["labels", "(1, 2)", "one class number per image"]),
        (ONE, [0.0], ["labels", "float64", "integers"]),
        (ONE, [-1], ["labels", "-1"]),
        (ONE, [256], ["labels", "256"]),
    ],
)
def test_npz_refused(tmp_path, images, labels, parts):
    path = npz(tmp_path / "mine.npz", images=images, labels=np.array(labels))
    message = refusal(load, path, "train")
    assert message.startswith(path)
    assert all(part in message for part in parts)


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
        assert "--dataset" in refusal(load, name, "train") or name in refusal(load, name, "train")
    (tmp_path / "images.csv").write_text("0,1")
    assert ".npz" in refusal(load, str(tmp_path / "images.csv"), "train")
    assert "'validation'" in refusal(load, "digits", "validation")
    assert f"--dataset {tmp_path}" in refusal(load, "digits", "train", data=tmp_path)


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


def test_head():
    whole = load("digits", "test")
    part = whole.head(20)
    np.testing.assert_array_equal(part.images, whole.images[:20])
    np.testing.assert_array_equal(part.labels, whole.labels[:20])
    assert part.digest != whole.digest
    assert whole.head(len(whole)).digest == whole.digest
    for n in (0, -1, 511):
        message = refusal(whole.head, n)
        assert message.startswith(f"--samples {n}:")
        assert "1 to 510" in message
    assert refusal(whole.head, 0, "--label-samples").startswith("--label-samples 0:")


def test_n_classes_is_at_least_ten(tmp_path):
    few = npz(tmp_path / "few.npz", images=IMAGES, labels=np.array([0, 1, 0, 1, 0]))
    many = npz(tmp_path / "many.npz", images=IMAGES, labels=np.array([0, 1, 26, 1, 0]))
    assert load(few, "train").n_classes == 10
    assert load(many, "train").n_classes == 27


def test_expected_input_spikes():
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, :2] = 255
    assert expected_input_spikes(images).tolist() == pytest.approx([0, 2 * 63.75 * 0.35])
    assert expected_input_spikes(images, hz_per_grey=0.125, seconds=1.0)[1] == pytest.approx(63.75)


def test_brian2_and_progressbar_are_not_loaded():
    code = (
        "import sys; from diehlcook.datasets import load; load('digits', 'test'); "
        "sys.exit(bool({'brian2', 'progressbar', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_mnist
def test_real_mnist():
    train, test = (load("mnist", split, data=Path(REAL_MNIST)) for split in ("train", "test"))
    assert (train.images.shape, test.images.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert expected_input_spikes(train.images).mean() == pytest.approx(2285.64, abs=0.01)
    assert expected_input_spikes(test.images).mean() == pytest.approx(2318.08, abs=0.01)
    assert all(check.ok for check in verify_mnist(Path(REAL_MNIST)))
