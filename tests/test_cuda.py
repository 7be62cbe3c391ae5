"""The engine cuda without a GPU: its kernel as a program of the processor, networks of one and of several blocks.

`test_engines` compares it with Brian2 for every rule and switch, in its slow tests.
"""

import ctypes
import json
import sys

import numpy as np
import pytest
from conftest import load_script

from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.engines.cuda import engine as cuda
from diehlcook.engines.cuda import library
from diehlcook.engines.registry import ENGINES, choose, open_engine
from diehlcook.errors import Cancelled, DiehlCookError, NetworkError
from diehlcook.model import stimulus, wiring
from diehlcook.model.params import with_rule
from diehlcook.phases.observe import observe
from diehlcook.phases.responses import BLOCK, TrainedNetwork, respond
from diehlcook.phases.train import train
from diehlcook.phases.train_many import Task, train_several
from diehlcook.progress import Interrupted

SHORT = {"t_stimulus": "100 ms", "t_rest": "50 ms", "min_spikes": 12, "pixel_rate": "0.4 Hz"}


@pytest.fixture
def blocks(monkeypatch):
    """Return a function after whose call networks have blocks of at most so many neurons."""
    return lambda neurons: monkeypatch.setattr(cuda, "COMFORTABLE", neurons)


def both(model, images, seed=3, presentations=12):
    """Advance a network with cuda and with fused from the same state; return the states and the responses."""
    delays, weights = wiring.initial_delays(model.params, seed), wiring.initial_weights(model.params, seed)
    results = []
    for name in ("cuda", "fused"):
        with open_engine(name, model, delays) as engine:
            state = engine.initial_state(stimulus.stream_key(seed, "train"), weights)
            results += engine.advance(state, images, presentations=presentations)
    return results


def assert_agree(one, ours, other, theirs):
    for name in ("position", "attempt", "counts", "spike_step", "spike_neuron"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert np.allclose(one[name], other[name], rtol=1e-12, atol=1e-9), name


@pytest.mark.parametrize(
    ("rule", "neurons"),
    [
        ("triplet", 6),
        pytest.param("triplet", 16, marks=pytest.mark.slow),
        pytest.param("power-law", 3, marks=pytest.mark.slow),
        pytest.param("pre-and-post", 8, marks=pytest.mark.slow),
    ],
)
def test_a_network_of_several_blocks_is_the_same(rule, neurons, smoke, strokes, blocks):
    """16 neurons in one to six blocks, that tell one another of their spikes; some images need further attempts."""
    blocks(neurons)
    params = with_rule(smoke, rule).with_values(
        {**SHORT, "pairing": "nearest" if rule == "triplet" else "all-to-all"}
    )
    images = strokes.copy()
    images[[2, 9]] //= 5
    one, ours, other, theirs = both(Model(params, learning=True), images)
    assert_agree(one, ours, other, theirs)
    assert len(ours.spike_neuron) > 100
    assert ours.attempt.max() > 0


def test_a_neuron_without_room_in_shared_memory_is_followed_in_the_memory_of_the_gpu(
    smoke, strokes, blocks, monkeypatch
):
    blocks(6)
    monkeypatch.setattr(cuda, "COLUMNS", 1)
    assert_agree(*both(Model(smoke.with_values(SHORT), learning=True), strokes))


def test_several_networks_at_once_are_each_alone(smoke, strokes, blocks):
    """Three blocks of images with frozen weights, that begin at other positions and have other streams."""
    blocks(6)
    params = smoke.with_values(SHORT)
    model = Model(params, learning=False)
    delays, weights = wiring.initial_delays(params, 3), wiring.initial_weights(params, 3)
    theta = np.linspace(5e-3, 15e-3, params.n_exc)
    with open_engine("cuda", model, delays) as engine:
        states = [
            engine.initial_state(stream, weights, theta, position)
            for stream, position in ((1, 0), (2, 7), (1, 4))
        ]
        shared = [state | {"inp_exc.w": weights} for state in states]
        shown = [strokes[:6], strokes[3:8], strokes[:1]]
        together = engine.advance_all(shared, shown)
        assert engine.several > 1
        with pytest.raises(ValueError, match="share one array"):
            engine.advance_all(states, shown)
        assert np.array_equal(engine.device.read(engine.weights_at, weights.shape, float), weights)
    with open_engine("fused", model, delays) as engine:
        for (state, responses), begin, images in zip(together, states, shown, strict=True):
            assert_agree(state, responses, *engine.advance(begin, images))


def test_the_phases_give_the_files_of_fused(smoke, tmp_path, blocks):
    """A training in two passes and its labels; the blocks of images are presented together."""
    blocks(6)
    data = datasets.load("digits", "train").head(6)
    params = smoke.with_values({**SHORT, "min_spikes": 3})
    for name in ("cuda", "fused"):
        run = train(tmp_path / name, data, params, seed=2, epochs=2, engine=name)
        observe(run, data, raster=False, engine=name)
    for name in ("weights", "theta", "train_counts", "assignments", "observe_counts"):
        one, other = (np.load(tmp_path / engine / f"{name}.npy") for engine in ("cuda", "fused"))
        assert np.allclose(one, other, rtol=1e-12, atol=1e-12), name
    assert np.load(tmp_path / "cuda" / "observe_counts.npy").sum() > 30


def test_responses_are_those_of_one_process_whatever_goes_together(smoke, strokes, monkeypatch):
    """Seven blocks of five images, two of them at a time, in two streams."""
    monkeypatch.setattr("diehlcook.phases.responses.BLOCK", 5)
    params = smoke.with_values({**SHORT, "min_spikes": 3})
    trained = TrainedNetwork(
        "cuda", Model(params, learning=False), wiring.initial_delays(params, 3),
        wiring.initial_weights(params, 3), np.full(params.n_exc, 8e-3),
    )  # fmt: skip
    seen = []
    monkeypatch.setattr("diehlcook.jobs.run_jobs", None)  # other processes would have nothing to do
    ours = respond(trained, strokes[:18], [5, 6], jobs=2, report=lambda done, _words: seen.append(done))
    theirs = respond(trained._replace(engine="fused"), strokes[:18], [5, 6])
    assert BLOCK == 250
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one.counts, other.counts)
        assert np.array_equal(one.attempts, other.attempts)
    assert seen == [0, 5, 10, 15, 18, 23, 28, 33, 36]


def test_several_trainings_share_the_gpu(smoke, tmp_path, monkeypatch):
    """Two seeds in threads of one process are what each is alone; and stopped, they are saved, and go on."""
    monkeypatch.setattr("diehlcook.jobs.run_jobs", None)
    params, data = smoke.with_values({**SHORT, "min_spikes": 3}), datasets.load("digits", "train").head(6)
    tasks = [Task(tmp_path / str(seed), params, "smoke", seed) for seed in (2, 3)]
    monkeypatch.setattr(cuda.CudaEngine, "least_presentations", 2)
    monkeypatch.setattr(cuda.CudaEngine, "most_presentations", 2)
    seen = []
    with pytest.raises(Interrupted, match="saved; the same command with --resume continues"):
        train_several(
            tasks, data, jobs=1, engine="cuda", progress=lambda done, _words: seen.append(done),
            cancelled=lambda: bool(seen) and seen[-1] > 0,
        )  # fmt: skip
    runs = train_several(tasks, data, jobs=1, engine="cuda", resume=True, progress=False)
    for run, seed in zip(runs, (2, 3), strict=True):
        alone = train(tmp_path / f"alone{seed}", data, params, seed=seed, engine="cuda", progress=False)
        assert np.array_equal(run.weights(), alone.weights())
    assert not np.array_equal(runs[0].weights(), runs[1].weights())


def test_it_can_be_cancelled_between_launches(smoke, strokes, monkeypatch):
    monkeypatch.setattr(cuda, "AT_ONCE", 2)
    asked = []
    params = smoke.with_values(SHORT)
    with open_engine("cuda", Model(params, learning=True), wiring.initial_delays(params, 3)) as engine:
        state = engine.initial_state(1, wiring.initial_weights(params, 3))
        with pytest.raises(Cancelled):
            engine.advance(state, strokes, cancelled=lambda: asked.append(1) or len(asked) > 2)
    assert len(asked) == 3


def test_more_spikes_than_there_is_room_for_stop_the_run(smoke, strokes, monkeypatch):
    monkeypatch.setattr(cuda, "SPIKES", (1, 1))
    params = smoke.with_values(SHORT)
    with (
        open_engine("cuda", Model(params, learning=True), wiring.initial_delays(params, 3)) as engine,
        pytest.raises(NetworkError, match="12 presentations; the network is running away"),
    ):
        engine.advance(engine.initial_state(1, wiring.initial_weights(params, 3)), strokes, presentations=12)


def test_what_it_refuses(smoke, monkeypatch):
    model = Model(smoke, learning=True)
    large = Model(smoke.with_values({"n_exc": 8001}), learning=True)
    assert cuda.CudaEngine.obstacle(model) is None
    assert cuda.CudaEngine.obstacle(large) == "n_exc is 8001, and its kernel takes at most 8000"
    slow = smoke.with_values({"delay_max": "100 ms", "dt": "0.25 ms"})
    with pytest.raises(
        DiehlCookError, match="16 neurons with delays up to 400 time steps are too many for a GPU"
    ):
        open_engine("cuda", Model(slow, learning=True), np.full((784, 16), 0.1))
    monkeypatch.setenv("DIEHLCOOK_CUDA", "gpu")
    monkeypatch.setattr(library.shutil, "which", lambda *_, **__: None)
    library.missing.cache_clear()
    assert cuda.CudaEngine.obstacle(model) == "there is no nvcc, the compiler of CUDA"
    with pytest.raises(
        DiehlCookError, match=r"engine cuda cannot run this: there is no nvcc, .* use engine fused"
    ):
        open_engine("cuda", model, wiring.initial_delays(smoke, 3))
    monkeypatch.setattr(library.shutil, "which", lambda *_, **__: "nvcc")
    monkeypatch.setattr(library.ctypes, "CDLL", lambda _: (_ for _ in ()).throw(OSError))
    library.missing.cache_clear()
    assert cuda.CudaEngine.obstacle(model) == "there is no driver of an NVIDIA GPU"
    library.missing.cache_clear()


class Driver:
    """A driver of one GPU of some compute capability."""

    def __init__(self, major, number=1):
        self.major, self.number = major, number

    def cuInit(self, _):
        return 0

    def cuDeviceGetCount(self, n):
        n._obj.value = self.number
        return 0

    def cuDeviceGetAttribute(self, value, attribute, device):
        assert (attribute, device) == (75, 0)
        value._obj.value = self.major
        return 0


@pytest.mark.parametrize(
    ("driver", "says"),
    [
        (Driver(9), None),
        (Driver(8), "the GPU is of compute capability 8.x, and its kernel needs 9.0"),
        (Driver(0, number=0), "there is no NVIDIA GPU"),
    ],
)
def test_the_driver_is_asked_before_anything_is_compiled(driver, says, monkeypatch):
    monkeypatch.setenv("DIEHLCOOK_CUDA", "gpu")
    monkeypatch.setattr(library.shutil, "which", lambda *_, **__: "nvcc")
    monkeypatch.setattr(library.ctypes, "CDLL", lambda _: driver)
    library.missing.cache_clear()
    assert library.missing() == says
    library.missing.cache_clear()


def test_auto_never_takes_it(smoke):
    """A GPU that is there may be somebody else's."""
    assert cuda.CudaEngine.obstacle(Model(smoke, learning=True)) is None
    assert choose(Model(smoke, learning=True)).name == "fused"
    assert not ENGINES["cuda"].automatic


def test_jobs_and_sizes_are_those_of_the_kernel():
    """The structures in Python and those in kernel.cu, field by field."""
    text = (library.SOURCES / "kernel.cu").read_text(encoding="utf-8")

    def fields(struct):
        body = text.split(f"struct {struct} {{")[1].split("};")[0]
        lines = [line.split("//")[0].strip().rstrip(";") for line in body.splitlines()]
        return [one.strip(" *") for line in lines if line for one in line.split(" ", 1)[1].split(",")]

    assert fields("Job") == list(library.JOB)
    assert fields("Sizes") == [name for name, _ in library.Sizes._fields_]
    assert ctypes.sizeof(library.Sizes) == 8 * 4 + 2 * 8


@pytest.mark.slow
def test_a_grid_on_a_gpu_makes_records(tmp_path, monkeypatch, scripts, capsys):
    """Two networks of two passes, tested after each; what is done is not done again, and what is late is saved."""
    pytest.importorskip("yaml")
    small = {
        f"{split}_{name}": getattr(datasets.load("digits", split), name)[:n]
        for split, n in (("train", 24), ("test", 10))
        for name in ("images", "labels")
    }
    np.savez(tmp_path / "small.npz", **small)
    config = tmp_path / "grid.yaml"
    config.write_text(
        f"runs: {tmp_path}/runs\nrecords: {tmp_path}/records\ncells:\n"
        f"  tiny: {{preset: smoke, dataset: {tmp_path}/small.npz, passes: [1, 2], seeds: [1, 2],\n"
        "         repeats: 2}\n"
    )
    monkeypatch.setenv("DIEHLCOOK_PYTHON", sys.executable)
    gpu = load_script("gpu")

    def make(*options):
        monkeypatch.setattr(sys, "argv", ["gpu.py", "--configfile", str(config), *options])
        assert gpu.main() == 0
        return capsys.readouterr().out

    assert make("--minutes", "0").count("saved, not finished") == 0  # nothing was begun
    assert make().count("recorded") == 4
    for name in (
        "tiny-seed1.json",
        "tiny-seed2.json",
        "passes/1-tiny-seed1.json",
        "passes/1-tiny-seed2.json",
    ):
        one = scripts["record"].read_record(tmp_path / "records" / name)
        assert one["train"]["engine"] == "cuda"
        assert one["train"]["epochs"] == (1 if "passes" in name else 2)
    assert make() == ""
    assert json.loads((tmp_path / "runs" / "tiny-seed1" / "run.json").read_text())["train"]["finished"]
