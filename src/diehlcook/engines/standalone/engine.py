"""Standalone: the network as a C++ program, compiled once, run in chunks of presentations.

Programs are cached by content in the user's cache: everything that decides the code (parameters, equations,
versions, compiler) is in the key; what differs from run to run (wiring, state, images) is handed over in
files. A chunk is one process. It counts only if it ended by itself, said nothing, and left files of the right
sizes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import progress
from ...cache import private_cache, prune
from ...errors import Cancelled, DiehlCookError
from ...jobs import die_with_parent
from ...model import wiring
from ...model.params import FIELDS
from ...model.protocol import RECORDED
from ...private import PrivateFolder
from ..base import REST_SPIKES, Engine, Model, Responses, State, make_relative, make_responses
from ..compiler import compiler, compiler_version

log = logging.getLogger(__name__)

CAPACITY = 1000
"""Presentations (and images) that one chunk can take; compiled in."""

LED_TO = "\n\nThe above exception was the direct cause of the following exception:\n\n"
"""Between two errors of a chain, as Python shows it."""

NOT_COMPILED = ("order",)
"""Parameters that the program does not know: they decide which images a phase hands over to it."""


def processor() -> str:
    """Return what tells apart machines between which a program made for this processor may not run."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return platform.processor()


def specification(model: Model) -> dict[str, Any]:
    """Return what decides the program of a model, ready for JSON."""
    return {
        "params": {name: getattr(model.params, name) for name in FIELDS if name not in NOT_COMPILED},
        "learning": model.learning,
        "excitatory": model.excitatory._asdict(),
        "plasticity": model.plasticity._asdict() if model.plasticity and model.learning else None,
        "capacity": CAPACITY,
        "versions": {name: importlib.metadata.version(name) for name in ("brian2", "numpy", "sympy")},
        "sources": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sources()},
        "compiler": compiler_version(),
        "machine": [platform.machine(), processor()],
    }


def sources() -> list[Path]:
    """Return the modules that decide a program: all of the room that says what the network is, and the one that builds it."""
    here = Path(__file__).parent
    return [*sorted((here.parents[1] / "model").glob("*.py")), here / "build.py"]


def program(model: Model) -> Path:
    """Return the folder of a model's compiled program, after building it if the cache does not have it.

    Raises
    ------
    DiehlCookError
        An unwritable cache, or a failed build.
    """
    text = json.dumps(specification(model), sort_keys=True)
    builds = private_cache("builds")
    folder = builds / hashlib.sha256(text.encode()).hexdigest()[:24]
    try:
        if not is_built(folder):
            with alone(builds / f"{folder.name}.lock"):
                if not is_built(folder):
                    shutil.rmtree(folder, ignore_errors=True)
                    build_into(folder, text)
                    prune()
        os.utime(folder)  # for `prune`
    except OSError as error:
        raise DiehlCookError(
            f"{builds}: cannot write compiled programs ({error.strerror}); set XDG_CACHE_HOME to a writable "
            "folder"
        ) from None
    return folder


def is_built(folder: Path) -> bool:
    """Return whether a program lies complete and undamaged in `folder`."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return bool(manifest["files"]) and all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == known
            for name, known in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process at a time into the block: who comes second finds the program built."""
    import fcntl  # not on Windows, where there is no standalone engine

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_into(folder: Path, spec: str) -> None:
    """Build a program; only a finished one gets the name `folder`."""
    progress.waiting_for("compiling the network in C++ (once for these parameters)")
    unfinished = PrivateFolder("unfinished", folder.parent)
    try:
        (unfinished.path / "spec.json").write_text(spec, encoding="utf-8")
        run_build(unfinished.path)
        (unfinished.path / "program").rename(folder)
    finally:
        unfinished.close()


def run_build(unfinished: Path) -> None:
    """Build the program of ``spec.json`` in a process of its own; see `build`."""
    command = [sys.executable, "-m", "diehlcook.engines.standalone.build", "spec.json", "program"]
    with subprocess.Popen(
        command,
        cwd=unfinished,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # so that the compilers can be ended with it
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, nothing that takes a lock
        env={**os.environ, "CXX": compiler() or ""},
    ) as made:
        try:
            said = made.communicate()[1]
        except BaseException:  # an interrupt, most likely
            os.killpg(made.pid, signal.SIGKILL)
            raise
    if made.returncode:
        log.debug("%s", said)
        raise build_error(said)


def build_error(said: str) -> DiehlCookError:
    """Return what there is to say of a failed build, of what it wrote on stderr: a chain of errors, the cause first."""
    cause = (said.split(LED_TO)[0].strip().splitlines() or ["no message"])[-1]
    own = f"{DiehlCookError.__module__}.{DiehlCookError.__name__}: "
    if cause.startswith(own):  # of the model, with which no other engine would get further
        return DiehlCookError(cause.removeprefix(own))
    failed = f"the standalone program could not be built: {cause}"
    return DiehlCookError(
        f"{failed} (engine runtime does without)", f"{failed} (-v shows all; --engine runtime does without)"
    )


def wait(process: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> None:
    """Wait for a process; kill it and raise `Cancelled` if asked to."""
    pidfd = None
    with contextlib.suppress(AttributeError, OSError):  # macOS and old kernels have none
        pidfd = os.pidfd_open(process.pid)
    try:
        while process.poll() is None:
            if cancelled():
                raise Cancelled
            if pidfd is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
            else:
                select.select([pidfd], [], [], 0.1)
    finally:
        if pidfd is not None:
            os.close(pidfd)
        if process.poll() is None:
            process.kill()
            process.wait()


class StandaloneEngine(Engine):
    """Advances a network by running its compiled program."""

    @classmethod
    def obstacle(cls, model: Model) -> str | None:
        """Return what keeps a program from being made of a model; None if nothing does."""
        if model.params.n_input * model.params.n_exc == 1:
            return "Brian2 makes no program of a network of one synapse"
        return None if compiler_version() else "there is no C++ compiler (g++ and make)"

    def __init__(self, model: Model, delays: NDArray[np.float64]) -> None:
        super().__init__(model, delays)
        self.program = program(model)
        self.manifest = json.loads((self.program / "manifest.json").read_text(encoding="utf-8"))
        self.order = wiring.synapse_order(self.delays, model.params.dt)
        self.private = PrivateFolder("diehlcook", Path(tempfile.gettempdir()))  # so that processes never meet
        self.folder = self.private.path
        for name in ("static_arrays", "state", "results"):
            (self.folder / name).mkdir()
        (self.folder / "main").symlink_to(self.program / "main")
        for path in (self.program / "static_arrays").iterdir():
            (self.folder / "static_arrays" / path.name).symlink_to(path)
        static = self.manifest["static"]
        self.write(f"static_arrays/{static['i']}", self.order.i)
        self.write(f"static_arrays/{static['j']}", self.order.j)
        self.write(f"static_arrays/{static['delay']}", self.order.flatten(self.delays))
        (self.folder / "static_arrays" / static["w"]).symlink_to(self.folder / "state" / "inp_exc.w")
        self.pixels = np.zeros((CAPACITY, model.params.n_input))

    def write(self, name: str, values: NDArray[Any]) -> None:
        """Write an array as the program reads it, and make sure that all of it arrived."""
        path = self.folder / name
        try:
            values.tofile(path)
        except OSError as error:
            raise DiehlCookError(
                f"{path}: cannot write ({error.strerror or error}); free space or set TMPDIR to another "
                "folder"
            ) from None
        if path.stat().st_size != values.nbytes:
            raise DiehlCookError(
                f"{path}: only part of it could be written; free space or set TMPDIR to another folder"
            )

    def read(self, name: str, dtype: str, size: int | None = None) -> NDArray[Any]:
        """Read an array that the program wrote."""
        path = self.folder / "results" / name
        values = np.fromfile(path, dtype=dtype) if path.exists() else np.empty(0, dtype)
        if size is not None and values.size != size:
            raise DiehlCookError(
                f"the standalone program left {values.size} values of {name}, expected {size}; is the disk "
                f"of {self.folder} full?"
            )
        return values

    def blank_state(self) -> State:
        """Return the initial state of the network as it was built."""
        base = {}
        for name, entry in self.manifest["state"].items():
            synaptic = name.startswith("inp_exc.")
            shape = self.delays.shape if synaptic else (entry["size"],)
            base[name] = np.broadcast_to(np.array(entry["initial"], dtype=entry["dtype"]), shape)
        return base

    def simulate(
        self, state: State, images: NDArray[np.uint8], presentations: int, cancelled: Callable[[], bool]
    ) -> tuple[State, Responses]:
        """Show images; see `Engine.advance`."""
        params = self.model.params
        images = images[:CAPACITY]
        self.pixels[: len(images)] = images
        control = {
            "first_position": state["protocol.position"][0],
            "images_left": len(images),
            "presentations_left": presentations,
        }
        control |= {"slot": 0, "stopped": 0}
        arguments = ["pixels.values=state/pixels"]
        self.write("state/pixels", self.pixels)
        for name, dtype in self.manifest["control"].items():
            self.write(f"state/{name}", np.array([control[name]], dtype))
            arguments.append(f"protocol.{name}=state/{name}")
        for name in self.manifest["state"]:
            values = state[name]
            self.write(f"state/{name}", self.order.flatten(values) if name.startswith("inp_exc.") else values)
            arguments.append(f"{name}=state/{name}")
        self.execute(arguments, cancelled)

        new: State = {}
        for name, entry in self.manifest["state"].items():
            values = self.read(entry["file"], entry["dtype"], state[name].size)
            new[name] = self.order.matrix(values) if name.startswith("inp_exc.") else values
        history = {
            name: self.read(entry["file"], entry["dtype"]) for name, entry in self.manifest["history"].items()
        }
        done = len(history[RECORDED[0]])
        stopped = self.read(self.manifest["stopped"], self.manifest["control"]["stopped"], 1)[0]
        if not (stopped or done == CAPACITY) or any(len(values) != done for values in history.values()):
            raise DiehlCookError(
                f"the standalone program ended after {done} presentations without having been told to"
            )
        spikes = self.manifest["spikes"]
        responses, new[REST_SPIKES] = make_responses(
            params, history, self.read(spikes["i"], "<i4"), self.read(spikes["t"], "<f8"), state[REST_SPIKES]
        )
        make_relative(new, done * params.presentation_steps * params.dt, params.dt)
        for path in (self.folder / "results").iterdir():
            path.unlink()
        return new, responses

    def execute(self, arguments: list[str], cancelled: Callable[[], bool]) -> None:
        """Run the program in a session of its own, so that a Ctrl-C in the terminal does not reach it."""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["./main", "--results_dir", "results/", *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, nothing that takes a lock
            )
            wait(process, cancelled)
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        if process.returncode or said:
            how = f"ended with {process.returncode}" if process.returncode else "reported a problem"
            raise DiehlCookError(
                f"the standalone program {how}: {said.splitlines()[-1] if said else 'it said nothing'}"
            )

    def close(self) -> None:
        """Delete the files of this engine."""
        self.private.close()
