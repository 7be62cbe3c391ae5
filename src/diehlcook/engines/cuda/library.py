"""The kernel for a GPU as a library: compiled once on a machine for each kind of network, and what Python calls in it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from ... import progress
from ...cache import private_cache
from ...errors import DiehlCookError
from ..fused import arrays, membranes

SOURCES = Path(__file__).parent

FUNCTIONS = ("stream", "end_stream", "new", "delete", "write", "read", "at_once", "show")
"""What the library offers, each ``diehlcook_NAME``; see host.h."""

CAPABILITY = 90
"""Ten times the compute capability that a GPU must have: from 9.0 on (H100) blocks read one another's memory."""

NVCC = ("-std=c++17", "-O3", f"-arch=sm_{CAPABILITY}", "-fmad=false", "-shared", "-Xcompiler", "-fPIC")
"""Options of CUDA's compiler; a multiplication and an addition are rounded one by one, as in the other engines."""

EMULATE = (
    "-x", "c++", "-std=c++17", "-O2", "-ffp-contract=off", "-w", "-DEMULATE", "-shared", "-fPIC",
)  # fmt: skip
"""Options of g++ for the emulation of a GPU; see emulate.h."""

CONSTANTS = get_type_hints(arrays.Constants)
"""Types of the numbers of a model, by name."""

LOCK = threading.Lock()


class ConstantsStruct(ctypes.Structure):
    """`arrays.Constants` as the library takes it."""

    _fields_ = [
        (name, ctypes.c_double if kind is float else ctypes.c_longlong) for name, kind in CONSTANTS.items()
    ]


class Sizes(ctypes.Structure):
    """How the networks of a launch are laid out; see kernel.cu."""

    _fields_ = [
        *(
            (name, ctypes.c_int)
            for name in (
                "n_input", "n_exc", "cluster", "local", "longest", "ring", "columns", "stride",
            )
        ),
        ("last_level", ctypes.c_double),
        ("at_rest", ctypes.c_double),
    ]  # fmt: skip


JOB = (
    "v", "ge", "gi", "theta", "x_post1", "x_post2", "v_inh", "ge_inh", "refractory_until", "locked_until",
    "spiked", "refractory_until_inh", "spiked_inh", "x0", "rate", "w_total", "w_squares", "w_factor", "over",
    "w", "delay", "reach", "counters", "intensity", "images", "n_images", "first_position", "presentations",
    "room", "position", "attempt", "intensities", "parts", "step", "neuron", "done",
)  # fmt: skip
"""Fields of a job in kernel.cu, 8 bytes each: addresses and numbers."""


def variant(constants: Any) -> str:
    """Return the header that settles, when the kernel is compiled, what kind of network it is for."""
    codes = ["STATIC", *(name.upper().replace("-", "_") for name in arrays.CODES)]
    settled = {
        "LEARNING": constants.learning,
        "TRACED": constants.traced,
        "EULER": constants.euler,
        "CLAMP": constants.clamp,
        "ALL_TO_ALL": constants.all_to_all != 0,
    }
    limits = {
        "FLUSH": arrays.FLUSH,
        "CUT": arrays.CUT,
        "NOTHING": membranes.NOTHING,
        "FADED": membranes.FADED,
        "SETTLED": membranes.SETTLED,
    }
    lines = [
        f"enum {{ {', '.join(f'{name} = {getattr(arrays, name)}' for name in codes)} }};",
        f"const int RULE = {int(constants.rule_code)};",
        *(f"const bool {name} = {str(bool(value)).lower()};" for name, value in settled.items()),
        *(f"const double {name} = {value.hex()};" for name, value in limits.items()),
    ]
    return "\n".join(lines) + "\n"


def constants_header() -> str:
    """Return the header that says what `arrays.Constants` holds."""
    fields = [f"    {'double' if kind is float else 'long long'} {name};" for name, kind in CONSTANTS.items()]
    return "struct Constants {\n" + "\n".join(fields) + "\n};\n"


def emulated() -> bool:
    """Return whether $DIEHLCOOK_CUDA asks for a kernel that runs on the processor: slow, but a test without a GPU."""
    return os.environ.get("DIEHLCOOK_CUDA") == "emulated"


def compiler() -> tuple[str, ...] | None:
    """Return the command that makes the library, but for its input and output; None if the compiler is missing."""
    options: tuple[str, ...] = EMULATE if emulated() else NVCC
    found = shutil.which("g++") if emulated() else shutil.which("nvcc")
    if found is None and not emulated():  # where it is by default, and seldom on the PATH
        found = shutil.which("nvcc", path="/usr/local/cuda/bin")
    return None if found is None else (found, *options)


@cache
def missing() -> str | None:
    """Return what this machine lacks to run the kernel; None if nothing.

    The driver is asked before anything is compiled.
    """
    if compiler() is None:
        return f"there is no {'g++' if emulated() else 'nvcc, the compiler of CUDA'}"
    if emulated():
        return None
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "there is no driver of an NVIDIA GPU"
    n, major = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(n)) != 0 or n.value == 0:
        return "there is no NVIDIA GPU"
    compute_capability_major = 75  # its number among the attributes of a device
    driver.cuDeviceGetAttribute(ctypes.byref(major), compute_capability_major, 0)
    if 10 * major.value < CAPABILITY:
        return f"the GPU is of compute capability {major.value}.x, and its kernel needs {CAPABILITY / 10}"
    return None


@cache
def loaded(said: str) -> Any:
    """Return the library for a `variant`; see `library`."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.[ch]*"))}
    texts |= {"constants.h": constants_header(), "variant.h": said}
    found = compiler()
    if found is None:
        raise DiehlCookError(f"--engine cuda cannot run: {missing()}")
    digest = hashlib.sha256(repr((found[1:], texts)).encode()).hexdigest()[:16]
    folder = private_cache(f"cuda/{digest}")
    os.utime(folder)  # for `cache.prune`
    made = folder / "kernel.so"
    if not made.exists():
        progress.waiting_for("compiling the kernel for the GPU (once on this machine)")
        with tempfile.TemporaryDirectory(dir=folder) as room:
            for name, text in texts.items():
                (Path(room) / name).write_text(text, encoding="utf-8")
            command = [*found, "kernel.cu", "-o", "kernel.so"]
            done = subprocess.run(command, check=False, cwd=room, capture_output=True, text=True)
            if done.returncode:
                wrong = (done.stderr.strip().splitlines() or ["no message"])[0]
                raise DiehlCookError(f"the kernel for the GPU does not compile: {wrong}")
            (Path(room) / "kernel.so").replace(made)
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")  # streams that do not wait for one another
    one = ctypes.CDLL(str(made))
    for name in FUNCTIONS:
        getattr(one, f"diehlcook_{name}").restype = ctypes.c_char_p
    return one


def library(said: str) -> Any:
    """Return the library for a `variant`, compiled if it is not in the cache.

    Raises
    ------
    DiehlCookError
        It cannot be compiled, or loaded.
    """
    with LOCK:  # for one compilation, not one for each thread
        return loaded(said)


class Device:
    """A GPU for one engine: memory that it keeps, and a stream of its own, so that engines work at the same time.

    Parameters
    ----------
    said
        The `variant` of the kernel.
    """

    def __init__(self, said: str) -> None:
        self.library = library(said)
        self.taken: dict[str, tuple[int, int]] = {}
        stream = ctypes.c_void_p()
        self.call("stream", ctypes.byref(stream))
        self.stream: ctypes.c_void_p | None = stream

    def call(self, name: str, *arguments: Any) -> None:
        """Call one of `FUNCTIONS`.

        Raises
        ------
        DiehlCookError
            The GPU refused.
        """
        wrong = getattr(self.library, f"diehlcook_{name}")(*arguments)
        if wrong is not None:
            raise DiehlCookError(f"the GPU stopped at {name}: {wrong.decode()}")

    def room(self, name: str, size: int) -> int:
        """Return the address of so many bytes, kept under a name."""
        at, had = self.taken.get(name, (0, -1))
        if size > had:
            if at:
                del self.taken[name]  # whatever comes of it, it is given back once
                self.call("delete", ctypes.c_void_p(at))
            new = ctypes.c_void_p()
            self.call("new", ctypes.byref(new), ctypes.c_longlong(size))
            at = new.value or 0
            self.taken[name] = (at, size)
        return at

    def write(self, name: str, values: Any) -> int:
        """Copy an array to the device, and return its address there."""
        values = np.ascontiguousarray(values)
        at = self.room(name, values.nbytes)
        self.copy("write", at, values.ctypes.data, values.nbytes)
        return at

    def read(self, at: int, shape: Any, dtype: Any) -> Any:
        """Return an array from an address of the device."""
        values = np.empty(shape, dtype)
        self.copy("read", values.ctypes.data, at, values.nbytes)
        return values

    def copy(self, way: str, to: int, source: int, size: int) -> None:
        """Copy bytes, to the device (``write``) or from it (``read``)."""
        self.call(way, self.stream, ctypes.c_void_p(to), ctypes.c_void_p(source), ctypes.c_longlong(size))

    def shared_bytes(self, constants: Any, sizes: Sizes, threads: int) -> int:
        """Return the shared memory that a block needs."""
        return int(self.library.diehlcook_shared(ctypes.byref(constants), ctypes.byref(sizes), threads))

    def close(self) -> None:
        """Give everything back; a GPU that fails at it has said so before."""
        taken, stream = self.taken, self.stream
        self.taken, self.stream = {}, None
        for at, _ in taken.values():
            with contextlib.suppress(DiehlCookError):
                self.call("delete", ctypes.c_void_p(at))
        if stream is not None:
            with contextlib.suppress(DiehlCookError):
                self.call("end_stream", stream)
