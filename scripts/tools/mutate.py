"""Break the model on purpose, one change at a time, and see which test notices; print docs/mutations.md.

    python scripts/tools/mutate.py > docs/mutations.md      # about 10 minutes on two cores

Every change is made in a copy of the repository. The tests named with it run until one fails; a change that
none notices is printed as NOT CAUGHT, and the exit status is 1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HEADER = """# Mutations

Each row is one change of the source, chosen by hand to be one that a test should notice, and the first test that failed because of it (all tests of that file run, until one fails). Made by
`python scripts/tools/mutate.py > docs/mutations.md`; `test_rules.py` and `test_seeds.py` hold further changes, of rules and of
parameters, which are part of the test suite. A change that no test noticed would stand here as NOT CAUGHT.

| file | instead of | this | caught by |
|---|---|---|---|"""


class Mutation(NamedTuple):
    """One change: `old`, the first one after `after` if that is given, becomes `new`."""

    file: str
    old: str
    new: str
    tests: str
    after: str = ""


RULES, NEURONS, PROTOCOL, ORDER = "test_rules.py", "test_neurons.py", "test_protocol.py", "test_order.py"
SAFETY, FUZZ, ENGINES, CUDA = "test_safety.py", "test_fuzz.py", "test_engines.py", "test_cuda.py"
MUTATIONS = [
    Mutation("model/rules.py", "w - eta_pre*x_post1_post,", "w + eta_pre*x_post1_post,", RULES, "TRIPLET ="),
    Mutation("model/rules.py", "eta_post*x_pre*x_post2_post", "eta_post*x_pre", RULES, "TRIPLET ="),
    Mutation("model/rules.py", "exp(-dt/tau_post2)", "exp(-dt/tau_post1)", RULES, "TRIPLET ="),
    Mutation("model/rules.py", "exp(step_pre*dt/tau_pre)", "1", RULES, "TRIPLET ="),
    Mutation("model/rules.py", "x_post2 = all_to_all*x_post2 + 1", "x_post2 = 1", RULES, "TRIPLET ="),
    Mutation("model/rules.py", "(1 - exp(-dt/tau_post1))", "exp(-dt/tau_post1)", RULES, "TRIPLET_100N ="),
    Mutation("model/rules.py", "(x_pre - x_tar)*", "x_pre*", RULES, "POWER_LAW ="),
    Mutation("model/rules.py", "(w_max - w)**mu", "(w_max - w)", RULES, "POWER_LAW ="),
    Mutation("model/rules.py", "x0 *= exp(-presentation_steps*dt/tau_pre)", "x0 *= 1", RULES, "POWER_LAW ="),
    Mutation("model/rules.py", "exp(-beta*w)", "exp(beta*w)", RULES, "EXPONENTIAL ="),
    Mutation("model/rules.py", "x_tar*exp(-beta*(w_max - w))", "x_tar*exp(-beta*w)", RULES, "EXPONENTIAL ="),
    Mutation(
        "model/rules.py",
        "w - eta_pre*x_post1_post*w**mu",
        "w - eta_pre*x_post1_post",
        RULES,
        "PRE_AND_POST =",
    ),
    Mutation("model/rules.py", "(x_pre - x_tar)*", "(x_pre + x_tar)*", RULES, "PRE_AND_POST ="),
    Mutation("model/rules.py", "ge_post += w", "ge_post -= w", NEURONS, "STATIC ="),
    Mutation("model/connections.py", 'gi_post += w_inh_exc"', 'gi_post -= w_inh_exc"', "test_network.py"),
    Mutation(
        "model/connections.py", "(fired_pre - own_post*(1 - self_inhibition))", "fired_pre", "test_network.py"
    ),
    Mutation("model/connections.py", "weight_sum/(w_total", "1/(w_total", PROTOCOL),
    Mutation("model/connections.py", "+ int(w_total == 0)", "", PROTOCOL),
    Mutation("model/neurons.py", "ge*(e_exc - v)", "ge*(v - e_exc)", NEURONS),
    Mutation("model/neurons.py", "gi*(e_inh_exc - v)", "gi*(e_inh_inh - v)", NEURONS),
    Mutation("model/neurons.py", "dgi/dt = -gi/tau_gi : 1", "dgi/dt = -gi/tau_ge : 1", NEURONS),
    Mutation("model/neurons.py", "theta += theta_plus", "theta -= theta_plus", NEURONS),
    Mutation("model/neurons.py", "dtheta/dt = -theta/tau_theta", "dtheta/dt = -0.5*theta/tau_theta", NEURONS),
    Mutation(
        "model/neurons.py",
        " and refractory_left == 0 and lockout_left == 0",
        " and lockout_left == 0",
        NEURONS,
    ),
    Mutation("model/neurons.py", "lockout_left = lockout_exc_steps", "lockout_left = 0", NEURONS),
    Mutation("model/neurons.py", "- theta_offset + theta", "+ theta", NEURONS),
    Mutation("model/network.py", "refractory_left > 0 and clamp_exc == 1", "refractory_left > 0", NEURONS),
    Mutation("model/network.py", 'exc_inh.connect(j="i")', "exc_inh.connect()", "test_network.py"),
    Mutation("model/network.py", '"i != j"', "True", "test_network.py"),
    Mutation("model/params.py", "theta_plus=0.0, ", "", "test_network.py"),
    Mutation("model/params.py", ", noise_rate=0.0", "", PROTOCOL),
    Mutation("model/protocol.py", "intensity_step*attempt", "intensity_step", PROTOCOL),
    Mutation(
        "model/protocol.py", "n_spikes = n_rest_spikes*count_rest", "n_spikes = n_rest_spikes", PROTOCOL
    ),
    Mutation("model/protocol.py", "n_spikes >= min_spikes", "n_spikes > 0", PROTOCOL),
    Mutation("model/protocol.py", "int(attempt == 0 or normalise_presentations == 1)", "1", PROTOCOL),
    Mutation("model/protocol.py", "int(position % normalise_every == 0)", "1", PROTOCOL),
    Mutation("model/stimulus.py", "step < stimulus_steps and ", "", PROTOCOL),
    Mutation("model/stimulus.py", "*pixel_rate*intensity + noise_rate", "*pixel_rate + noise_rate", PROTOCOL),
    Mutation(
        "model/stimulus.py",
        "return mix(np.atleast_1d(mix(np.atleast_1d(key + np.uint64(GAMMA))) ^ value))",
        "return mix(np.atleast_1d(key))",
        "test_stimulus.py",
    ),
    Mutation(
        "model/stimulus.py", "MIX_1 = 0xBF58476D1CE4E5B9", "MIX_1 = 0xBF58476D1CE4E5B8", "test_stimulus.py"
    ),
    Mutation(
        "model/wiring.py",
        '(steps, axis=1, kind="stable")',
        '(-steps, axis=1, kind="stable")',
        "test_network.py",
    ),
    Mutation(
        "model/order.py", "permutation(seed, int(one), n_images)", "permutation(seed, 0, n_images)", ORDER
    ),
    Mutation("model/order.py", "fold(fold(0, seed), STREAM)", "fold(fold(0, 0), STREAM)", ORDER),
    Mutation("analysis/history.py", "= labels[self.image_at(at)]", "= labels[at % len(labels)]", ORDER),
    Mutation(
        "analysis/history.py",
        "at % len(self.ring)] = labels[self.image_at(at)]",
        "at % len(self.ring)] = labels[at % len(labels)]",
        ORDER,
    ),
    Mutation(
        "analysis/history.py",
        "order=self.params.order, seed=self.seed",
        "order=self.params.order, seed=0",
        ORDER,
    ),
    Mutation(
        "phases/training.py", "{self.record.image_at(unanswered)}", "{unanswered % len(self.data)}", ORDER
    ),
    Mutation("phases/training.py", 'facts.get("delays", self.wired) != self.wired', "False", SAFETY),
    Mutation(
        "engines/fused/membranes.py",
        "not max(v_inh[j], end, c.v_rest_inh) <= c.v_thresh_inh",
        "False",
        ENGINES,
    ),
    Mutation("engines/fused/engine.py", ">= p.w_max,", "> 2 * p.w_max,", ENGINES),
    Mutation("engines/cuda/kernel.cu", "n_inh - c.summing_own", "n_inh + c.summing_own", CUDA),
    Mutation("engines/cuda/kernel.cu", "n, start, step - delay)", "n, start, step)", CUDA),
    Mutation(
        "engines/cuda/kernel.cu", "clipped(old - change, c.w_max)", "clipped(old + change, c.w_max)", CUDA
    ),
    Mutation(
        "engines/cuda/kernel.cu",
        "popcount(fired) * (excitatory ? SPIKE : SPIKE_INH)",
        "popcount(fired) * SPIKE",
        CUDA,
    ),
    Mutation("runs/lock.py", "if try_lock(file) is False:", "if False:", SAFETY),
    Mutation("runs/run.py", "if known not in (None, digest(array)):", "if False:", SAFETY),
    Mutation("runs/run.py", "get(parent) != known", "get(parent) is None", SAFETY),
    Mutation("runs/checkpoints.py", 'if facts["run"] != self.identity:', "if False:", SAFETY),
    Mutation("runs/checkpoints.py", "if self.is_whole(number):", "if False:", SAFETY),
    Mutation("runs/run.py", 'self.disown([one for one in affected if one != "train"])', "pass", SAFETY),
    Mutation(
        "whole.py",
        "self.temporary.replace(self.path)",
        "self.path.write_bytes(self.temporary.read_bytes())",
        SAFETY,
    ),
    Mutation("model/arrays.py", "not np.isfinite(array).all()", "False", FUZZ),
    Mutation("model/arrays.py", "expected.low is not None", "False", FUZZ),
    Mutation("model/constants.py", "if not low <= value <= high:", "if False:", FUZZ),
]


def mutate(mutation: Mutation) -> tuple[str, bool]:
    """Return a row of the table and whether the change was noticed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("src", "tests", "scripts"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = copy / "src" / "diehlcook" / mutation.file
        text = path.read_text(encoding="utf-8")
        start = text.index(mutation.after)
        if mutation.old not in text[start:]:
            raise SystemExit(f"{mutation.file}: {mutation.old!r} not found")
        path.write_text(text[:start] + text[start:].replace(mutation.old, mutation.new, 1), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "--tb=no",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
        ]
        environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
        command.append(f"tests/{mutation.tests}")
        done = subprocess.run(
            command, cwd=copy, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
    failed = re.search(r"^(?:FAILED|ERROR) tests/(.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    caught = f"`{failed[1]}`" if failed and done.returncode == 1 else "**NOT CAUGHT**"
    where = f"`{mutation.file}`" + (f", `{mutation.after.removesuffix(' =')}`" if mutation.after else "")
    cells = (where, f"`{mutation.old}`", f"`{mutation.new}`" if mutation.new else "nothing", caught)
    return "| " + " | ".join(cells) + " |", "NOT" not in caught


def main() -> int:
    """Make all changes, two at a time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="only changes of these, e.g. runs/run.py")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    print(HEADER, flush=True)
    ok = True
    with ThreadPoolExecutor(options.jobs) as pool:
        chosen = [one for one in MUTATIONS if not options.files or one.file in options.files]
        for row, caught in pool.map(mutate, chosen):
            print(row, flush=True)
            ok &= caught
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
