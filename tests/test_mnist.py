"""MNIST: found, read, verified, fetched. No test leaves this machine."""

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from test_datasets import STEMS, idx, pair, put, refusal

from diehlcook.cache import user_cache
from diehlcook.data import mnist
from diehlcook.data.datasets import expected_input_spikes, load
from diehlcook.data.mnist import fetch_mnist, find_mnist, verify_mnist

REAL_MNIST = os.environ.get("DIEHLCOOK_MNIST")

OTHER = idx(np.zeros(5, np.uint8))
"""Content of another file of labels."""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No MNIST, no home, no network."""
    monkeypatch.delenv("DIEHLCOOK_MNIST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(mnist.time, "sleep", lambda seconds: None)
    real = urllib.request.urlopen

    def local_only(request, **options):
        if not request.full_url.startswith("http://127.0.0.1:"):
            raise OSError("Name or service not known")
        return real(request, **options)

    monkeypatch.setattr(urllib.request, "urlopen", local_only)


@pytest.fixture
def tiny(monkeypatch):
    """Raw content of a small stand-in for MNIST, whose sums the module then takes for MNIST's."""
    contents = dict(zip(STEMS, (idx(a) for a in (*pair(5), *pair(3, 1))), strict=True))
    sums = {stem: hashlib.sha256(raw).hexdigest() for stem, raw in contents.items()}
    monkeypatch.setattr(mnist, "MNIST_SHA256", sums)
    return contents


# Finding and reading


@pytest.mark.parametrize("where", ["data", "variable", "cache"])
@pytest.mark.parametrize("form", ["raw", "gz", "dotted", "unpacked in place"])
def test_mnist_is_read_from_each_place_in_each_form(tiny, tmp_path, monkeypatch, where, form):
    folder = user_cache("mnist") if where == "cache" else tmp_path / "mine"
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


def test_data_is_the_only_place_when_given(tiny, tmp_path):
    put(user_cache("mnist"), tiny)
    del tiny[STEMS[3]]
    message = refusal(load, "mnist", "train", data=put(tmp_path / "some", tiny))
    assert f"data {tmp_path / 'some'}" in message
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
    for part in (str(user_cache("mnist")), "$DIEHLCOOK_MNIST", "python -m diehlcook data", "dataset digits"):
        assert part in message
    assert ("Name or service not known" in message) == download
    assert capsys.readouterr().err.count("\n") == download
    assert not list(user_cache("mnist").parent.rglob("*ubyte*"))


def test_other_content_under_the_names_of_mnist_is_refused(tiny, tmp_path):
    tiny[STEMS[0]] = idx(np.zeros((5, 4, 3), np.uint8))
    folder = put(tmp_path / "fashion", tiny)
    message = refusal(load, "mnist", "train", data=folder)
    assert str(folder / STEMS[0]) in message
    assert "SHA-256" in message
    assert f"dataset {folder}" in message
    assert len(load("mnist", "test", data=folder)) == 3
    assert len(load(str(folder), "train")) == 5


def test_user_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    assert user_cache("mnist") == tmp_path / "cache" / "diehlcook" / "mnist"
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert user_cache("mnist") == tmp_path / "home" / ".cache" / "diehlcook" / "mnist"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_cache("mnist") == tmp_path / "home" / "Library" / "Caches" / "diehlcook" / "mnist"

    def homeless():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert "data DIR" in refusal(user_cache, "mnist")


@pytest.mark.skipif(not REAL_MNIST, reason="set DIEHLCOOK_MNIST to a folder with MNIST")
def test_real_mnist():
    train, test = (load("mnist", split, data=Path(REAL_MNIST)) for split in ("train", "test"))
    assert (train.images.shape, test.images.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert expected_input_spikes(train.images).mean() == pytest.approx(2285.64, abs=0.01)
    assert expected_input_spikes(test.images).mean() == pytest.approx(2318.08, abs=0.01)
    assert all(check.ok for check in verify_mnist(Path(REAL_MNIST)))


# Verifying and fetching


def test_verify_tells_the_state_of_each_file(tiny, tmp_path):
    del tiny[STEMS[3]]
    folder = put(tmp_path / "m", tiny)
    (folder / STEMS[0]).rename(folder / "train-images.idx3-ubyte")
    (folder / STEMS[1]).write_bytes(OTHER)
    packed = gzip.compress(tiny[STEMS[2]])
    (folder / STEMS[2]).rename(folder / f"{STEMS[2]}.gz")
    (folder / f"{STEMS[2]}.gz").write_bytes(packed[:-1])
    checks = verify_mnist(folder)
    assert [check.name for check in checks] == STEMS
    assert [check.ok for check in checks] == [True, False, False, False]
    assert [check.found for check in checks] == ["train-images.idx3-ubyte", STEMS[1], f"{STEMS[2]}.gz", None]
    assert "not MNIST" in checks[1].problem
    assert "damaged gzip" in checks[2].problem
    assert "missing" in checks[3].problem
    json.dumps(checks)


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
            "wrong": gzip.compress(OTHER),
            "portal": b"<html>please log in</html>",
            "short": content[:-5],
            "clipped": content[:-5],
            "unpacked": gzip.decompress(content),
        }.get(manner, content)
        self.send_response(200)
        if manner not in ("unsized", "endless"):
            self.send_header("Content-Length", str(len(content) if manner == "short" else len(sent)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(sent)
            while manner == "endless":
                self.wfile.write(bytes(1 << 16))

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tiny, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as running:
        running.contents, running.asked = tiny, []
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

        def use(*manners):
            urls = tuple(f"http://127.0.0.1:{running.server_port}/{manner}/" for manner in manners)
            monkeypatch.setattr(mnist, "MIRRORS", urls)

        running.use = use
        use("good")
        yield running
        running.shutdown()


@pytest.mark.parametrize("manner", ["good", "unsized", "unpacked", "flaky"])
def test_fetch_into_the_cache(server, manner, capsys):
    server.use(manner)
    folder = fetch_mnist()
    assert folder == user_cache("mnist") == find_mnist()
    ending = "" if manner == "unpacked" else ".gz"
    assert sorted(path.name for path in folder.iterdir()) == sorted(stem + ending for stem in STEMS)
    assert all(check.ok for check in verify_mnist(folder))
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [f"downloading {stem}.gz" for stem in STEMS]
    assert len(load("mnist", "train")) == 5
    asked = len(server.asked)
    assert fetch_mnist() == folder
    assert len(server.asked) == asked  # what is there is not fetched again


@pytest.mark.parametrize("manner", ["down", "wrong", "portal", "short", "clipped"])
def test_the_next_mirror_serves_when_the_first_fails(server, manner):
    server.use(manner, "good")
    folder = fetch_mnist(progress=False)
    assert all(check.ok for check in verify_mnist(folder))
    assert server.asked[:2] == [(manner, f"{STEMS[0]}.gz"), ("good", f"{STEMS[0]}.gz")]


@pytest.mark.parametrize(("name", "most"), [("MOST_BYTES", 200_000), ("DEADLINE", 0.2)])
def test_a_mirror_that_never_ends_is_given_up(server, monkeypatch, name, most):
    monkeypatch.setattr(mnist, name, most)
    server.use("endless", "good")
    folder = fetch_mnist(progress=False)
    assert all(check.ok for check in verify_mnist(folder))
    server.use("endless")
    assert "gave up after" in refusal(fetch_mnist, folder / "new", progress=False)


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
    server.use(manner)
    message = refusal(fetch_mnist, tmp_path / "new", progress=False)
    assert reason in message
    assert f"/{manner}/{STEMS[0]}.gz" in message
    assert len(server.asked) == mnist.ROUNDS
    assert list((tmp_path / "new").iterdir()) == []
    assert capsys.readouterr().err == ""


def test_load_fetches_what_the_cache_lacks(server):
    put(user_cache("mnist"), {STEMS[0]: server.contents[STEMS[0]]})
    assert len(load("mnist", "test", progress=False)) == 3
    assert [name for _, name in server.asked] == [f"{stem}.gz" for stem in STEMS[1:]]


def test_a_damaged_file_is_replaced_in_the_cache_but_not_elsewhere(server, tmp_path):
    for folder in (user_cache("mnist"), tmp_path / "mine"):
        put(folder, {STEMS[0]: b"another file"})
    fetch_mnist(progress=False)
    assert all(check.ok for check in verify_mnist(user_cache("mnist")))
    message = refusal(fetch_mnist, tmp_path / "mine", progress=False)
    assert str(tmp_path / "mine" / STEMS[0]) in message
    assert "move" in message
    assert (tmp_path / "mine" / STEMS[0]).read_bytes() == b"another file"


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    message = refusal(fetch_mnist, tmp_path / "file" / "m", progress=False)
    assert str(tmp_path / "file" / "m") in message
    assert server.asked == []

    def full_disk(_file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diehlcook.whole.os.fsync", full_disk)
    message = refusal(fetch_mnist, tmp_path / "m", progress=False)
    assert "No space left on device" in message
    assert f"{STEMS[0]}.gz" in message
    assert list((tmp_path / "m").iterdir()) == []


def test_an_interrupted_write_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_mnist(tmp_path / "m", progress=False)
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
    server.use(manner)
    fetch_mnist(tmp_path / "m")
    assert STEMS[0] in terminal.getvalue()
    assert "downloading" not in terminal.getvalue()
    assert all(check.ok for check in verify_mnist(tmp_path / "m"))
