"""Generate and compile the standalone program of a model: ``python -m diehlcook.engines.standalone.build SPEC FOLDER``.

Brian2 keeps one device for a whole process, so this runs in a process of its own; `engine` starts it and
uses what it leaves in the folder: the program ``main``, ``static_arrays/`` and ``manifest.json``. Nothing in
them depends on a seed: wiring, weights and images are files that every run brings.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...model import neurons, rules, wiring
from ...model.brian import b2
from ...model.network import build_network, presentation_time, state_variables
from ...model.params import Params
from ...model.protocol import CONTROL, RECORDED

COMPILE = [
    "-w",
    "-O3",
    "-ffast-math",
    "-fno-finite-math-only",
    "-D__FAST_MATH__",
    "-march=native",
    "-std=c++11",
]
"""Brian2's own flags, and the macro with which the C library offers GCC its vectorised exp.

-ffast-math would define it, but -fno-finite-math-only, which keeps NaN what it is, takes it back.
"""

LINK = ["-ffast-math"]
"""Flushes denormals to zero: conductances and traces decay into them."""

SAME_TIME = ("#define Clock_epsilon 1e-14", "#define Clock_epsilon 1e-9")
"""Two clocks tick together if their times differ by less than this.

Brian2's 1e-14 s is below the spacing of floating-point numbers from 64 s on, where the clock of the
presentations would come loose from the clock of the time steps.
"""

PUSH_ONE = """for(int idx_indices=0; idx_indices<num_indices; idx_indices++)
                {
                    const int synaptic_index = cur_indices[idx_indices];
                    int delay = rdelays[synaptic_index];
                    queue[(offset+delay)%queue.size()].push_back(synaptic_index);
                }"""
PUSH_RUNS = """for(int first=0, last; first<num_indices; first=last)
                {
                    const int delay = rdelays[cur_indices[first]];
                    for(last=first+1; last<num_indices && rdelays[cur_indices[last]]==delay; last++) {}
                    vector<int32_t> &slot = queue[(offset+delay)%queue.size()];
                    slot.insert(slot.end(), cur_indices+first, cur_indices+last);
                }"""
"""The synapses of an input are sorted by delay: queue them by runs of equal delay, not one by one."""


STATIC = {"i": "sources", "j": "targets", "delay": "delay", "w": "w"}
"""What the names of the static arrays of the input's synapses end with."""


def build(spec: dict[str, Any], folder: Path) -> None:
    """Write the standalone program of `spec` (see `engine.specification`) into `folder`."""
    params = Params(**spec["params"])
    wires = wiring.initial_delays(params, 0)
    marks = np.linspace(0.1, 0.2, wires.size).reshape(wires.shape)  # recognised among the static arrays
    arguments: dict[str, Any] = {
        "params": params,
        "phase": "train" if spec["learning"] else "test",
        "images": np.zeros((spec["capacity"], params.n_input)),
        "weights": marks,
        "delays": wires,
        "excitatory": neurons.NeuronModel(**spec["excitatory"]),
        "plasticity": rules.LearningRule(**spec["plasticity"]) if spec["plasticity"] else None,
        "inhibition": "summed",
    }
    b2.prefs.reset_to_defaults()  # the user's are not in the key of the program
    b2.prefs.codegen.target = "numpy"
    initial = {}
    for name, variable in state_variables(build_network(**arguments)).items():
        values = np.asarray(variable.get_value()).reshape(-1)
        initial[name] = values[0].item() if (values == values[0]).all() else values.tolist()
    initial["inp_exc.w"] = 0.0

    b2.set_device("cpp_standalone", build_on_run=False)
    b2.prefs.codegen.cpp.extra_compile_args_gcc = COMPILE
    b2.prefs.codegen.cpp.extra_link_args += LINK
    network = build_network(**arguments)
    network.run(spec["capacity"] * presentation_time(params), namespace={})
    device = b2.device
    device.build(directory=str(folder), compile=False, run=False)
    patch(folder / "network.cpp", *SAME_TIME, needed=True)
    patch(folder / "brianlib" / "spikequeue.h", PUSH_ONE, PUSH_RUNS, needed=False)

    variables = state_variables(network)
    control = {name: network["protocol"].variables[name] for name in CONTROL}
    order = wiring.synapse_order(wires, params.dt)
    static = {"i": order.i, "j": order.j, "delay": order.flatten(wires), "w": order.flatten(marks)}
    manifest: dict[str, Any] = {
        "state": {
            name: {
                "dtype": np.dtype(v.dtype).str,
                "size": int(np.asarray(v.size)),
                "file": result_file(v),
                "initial": initial[name],
            }
            for name, v in variables.items()
        },
        "control": {name: np.dtype(v.dtype).str for name, v in control.items()},
        "stopped": result_file(control["stopped"]),
        "spikes": {name: result_file(network["spikes"].variables[name]) for name in ("i", "t")},
        "history": {
            name: {
                "dtype": np.dtype(network["protocol"].variables[name].dtype).str,
                "file": result_file(network["history"].variables[name]),
            }
            for name in RECORDED
        },
        "static": {label: static_name(STATIC[label], array) for label, array in static.items()},
    }
    compile_program(folder)
    for file in manifest["static"].values():
        (folder / "static_arrays" / file).unlink()
    files = [folder / "main", *(folder / "static_arrays").iterdir()]
    manifest["files"] = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def result_file(variable: Any) -> str:
    """Return the name of the file in the results folder that holds a variable."""
    return Path(b2.device.get_array_filename(variable)).name


def static_name(end: str, array: NDArray[Any]) -> str:
    """Return the name of the static array of the input's synapses that ends so, which must have this content."""
    names = [
        name
        for name, found in b2.device.static_arrays.items()
        if name.endswith(f"inp_exc_{end}") and np.array_equal(found.reshape(-1), array)
    ]
    if len(names) != 1:
        raise RuntimeError(f"expected one static array of the {end} of inp_exc, found {names}")
    return str(names[0])


def patch(path: Path, old: str, new: str, *, needed: bool) -> None:
    """Replace `old`, which must stand there exactly once if `needed`."""
    text = path.read_text(encoding="utf-8")
    if text.count(old) == 1:
        path.write_text(text.replace(old, new), encoding="utf-8")
    elif needed:
        raise RuntimeError(
            f"Brian2 {b2.__version__} generates another {path.name} than expected: cannot build safely"
        )


def compile_program(folder: Path) -> None:
    """Compile with make; on failure print the compiler's last lines and exit."""
    make = subprocess.run(
        ["make", f"-j{os.cpu_count() or 1}"], cwd=folder, capture_output=True, text=True, check=False
    )
    if make.returncode:
        sys.exit("\n".join(make.stderr.splitlines()[-20:]))
    for leftover in [*folder.glob("*.o"), *folder.glob("code_objects/*.o")]:
        leftover.unlink()


if __name__ == "__main__":
    build(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]).resolve())
