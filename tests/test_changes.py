"""Changed equations: what `changed` makes, what is refused before anything is compiled, and constants of one's own."""

import logging
import re
import traceback
from dataclasses import replace
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest

from diehlcook import build_network, load_run, presentation_time, weight_matrix
from diehlcook.data import datasets
from diehlcook.engines.base import Model
from diehlcook.engines.standalone import engine
from diehlcook.errors import DiehlCookError, spoken_to_the_command_line
from diehlcook.model.network import check_equations
from diehlcook.model.neurons import EXCITATORY
from diehlcook.model.params import load_preset
from diehlcook.model.rules import EQUATIONS
from diehlcook.phases.responses import trained_network
from diehlcook.phases.train import train
from diehlcook.runs.run import Run

ADAPTING = EXCITATORY.changed(
    replace={"(v_rest_exc - v": "(v_rest_exc - v - a"},
    add={"equations": "da/dt = -a/tau_a : volt", "reset": "a += 1*mV"},
    constants={"tau_a": 200 * b2.ms},
)
FORGOTTEN = EXCITATORY.changed(add={"reset": "a += 1*mV"})


@pytest.fixture(scope="module")
def tiny():
    return load_preset("smoke").with_values(n_input=20, n_exc=3, t_stimulus="60 ms", t_rest="20 ms")


def test_a_change_is_in_the_text_and_nothing_else():
    assert ADAPTING._replace(equations="", reset="") == EXCITATORY._replace(equations="", reset="")
    assert ADAPTING.reset == EXCITATORY.reset + "a += 1*mV\n"
    assert ADAPTING.equations == (
        EXCITATORY.equations.replace("(v_rest_exc - v", "(v_rest_exc - v - a")
        + "da/dt = -a/tau_a : volt\ntau_a = 0.2*second : second\n"
    )
    assert EXCITATORY.changed() == EXCITATORY
    bare = EXCITATORY._replace(reset="v = v_reset_exc").changed(add={"reset": "a = 0*mV"})
    assert bare.reset == "v = v_reset_exc\na = 0*mV\n"


def test_a_constant_gets_a_new_value_and_keeps_its_units():
    assert ADAPTING.changed(constants={"tau_a": 0.3 * b2.second}) == ADAPTING._replace(
        equations=ADAPTING.equations.replace("tau_a = 0.2*", "tau_a = 0.3*")
    )
    for value, unit in (
        (0.7, 1), (np.float32(0.5), 1), (3, 1), (0.1 * b2.mV / 3, b2.volt),
        (2 * b2.mV / b2.ms, b2.volt / b2.second), (5 * b2.mV**2, b2.volt**2), (3 * b2.Hz, b2.hertz),
    ):  # fmt: skip
        text = EXCITATORY.changed(replace={"-ge/tau_ge": "-ge*k"}, constants={"k": value}).equations
        line = b2.Equations(text.splitlines()[-1])["k"]
        assert line.dim == b2.get_dimensions(unit)
        number, _, _ = str(line.expr).partition("*")
        assert float(number) == float(value)


def test_a_constant_of_a_rule_is_declared_where_it_is_used():
    rule = EQUATIONS["triplet"].changed(
        replace={"w + eta_post": "w + mine", "exp(-dt/tau_post1)": "exp(-dt/slow)"},
        constants={"mine": 0.02, "slow": 30 * b2.ms},
    )
    assert rule.model == EQUATIONS["triplet"].model + "mine = 0.02 : 1\n"
    assert rule.neuron == EQUATIONS["triplet"].neuron + "slow = 0.03*second : second\n"
    assert rule.neuron_variables == EQUATIONS["triplet"].neuron_variables


def test_a_constant_of_a_trace_may_not_hide_a_parameter(tiny, numpy_target):
    """It would be used in place of the parameter, of which run.json and the report tell."""
    hiding = EQUATIONS["triplet"].changed(constants={"tau_post1": 5 * b2.ms})
    assert "tau_post1 = " in hiding.neuron
    with pytest.raises(DiehlCookError, match="plasticity: tau_post1 is a parameter of the model"):
        check_equations(tiny, EXCITATORY, hiding)


def learned(params, rule=None, excitatory=EXCITATORY):
    images = np.random.default_rng(3).integers(0, 256, (2, params.n_input))
    network = build_network(params, seed=4, images=images, plasticity=rule, excitatory=excitatory)
    network.run(2 * presentation_time(params), namespace={})
    return np.array(network["spikes"].t_), weight_matrix(network)


def test_constants_act_as_parameters_of_the_same_value_do(tiny, numpy_target):
    """One of the neuron, one of its trace, one of the synapse, all far from the parameters that they replace."""
    params = tiny.with_values(pixel_rate="0.5 Hz", w_init_scale=3, weight_sum=20, w_max=5, eta_post=0.1)
    old = {"tau_mem_exc": "40 ms", "tau_post2": "9 ms", "eta_post": 0.03}
    wanted = learned(params.with_values(old))
    rule = EQUATIONS["triplet"].changed(
        replace={"w + eta_post": "w + mine", "exp(-dt/tau_post2)": "exp(-dt/slow)"},
        constants={"mine": 0.03, "slow": 9 * b2.ms},
    )
    own = EXCITATORY.changed(replace={"/ tau_mem_exc": "/ tau_mine"}, constants={"tau_mine": 40 * b2.ms})
    spikes, weights = learned(params, rule, own)
    assert len(spikes) > 10
    assert np.array_equal(spikes, wanted[0])
    np.testing.assert_allclose(weights, wanted[1], rtol=1e-12)


def test_constants_reach_the_program_and_the_record(tiny, tmp_path):
    models = [
        Model(tiny, True, ADAPTING.changed(constants={"tau_a": tau * b2.ms}), plasticity)
        for tau in (200, 100)
        for plasticity in (
            None,
            EQUATIONS["triplet"].changed(add={"on_post": "w = k*w"}, constants={"k": 0.5}),
        )
    ]
    keys = [engine.specification(one) for one in models]
    assert all(keys[k] != keys[n] for k in range(4) for n in range(k))
    for model in models:
        Run(tmp_path, "custom", tiny, 0, "digits", model).save()
        assert load_run(tmp_path).model == model


@pytest.fixture
def heard(caplog):
    """What Brian2 says in its log, which does not reach the root by itself."""
    brian, before = logging.getLogger("brian2"), caplog.handler.level
    caplog.handler.setLevel("WARNING")
    brian.addHandler(caplog.handler)
    yield caplog
    brian.removeHandler(caplog.handler)
    caplog.handler.setLevel(before)


def test_training_refuses_before_it_compiles_or_writes(tiny, tmp_path, monkeypatch, heard):
    monkeypatch.setattr(engine, "run_build", lambda _: pytest.fail("compiled"))
    digits = datasets.load("digits", "train").head(20)
    before, device = b2.prefs.codegen.target, b2.get_device()
    for name, given, says in (
        ("excitatory", FORGOTTEN, r'^excitatory: The identifier "a" could not be resolved; .*constants='),
        (
            "excitatory", EXCITATORY.changed(add={"reset": "v += x_post1*mV"}),
            '^excitatory in a network that does not learn.*"x_post1" could not be resolved',
        ),
    ):  # fmt: skip
        with pytest.raises(DiehlCookError, match=says) as error:
            train(tmp_path / "run", digits, load_preset("smoke"), **{name: given})
        assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
    assert (b2.prefs.codegen.target, b2.get_device()) == (before, device)
    assert heard.text == ""


@pytest.mark.parametrize("phase", ["observe", "test", "predict"])
def test_later_phases_refuse_before_they_read_or_compile(tiny, tmp_path, phase):
    run = Run(
        tmp_path, "custom", tiny, 0, "digits", Model(tiny, True, FORGOTTEN), {"train": {"finished": True}}
    )
    with pytest.raises(DiehlCookError, match=r'^excitatory in .*: The identifier "a" could not be resolved'):
        trained_network(run, "auto", phase)
    with pytest.raises(KeyError, match="sha256"):  # there is nothing to read
        trained_network(replace(run, model=Model(tiny, True)), "auto", phase)


def test_the_trial_leaves_the_device_of_the_user_alone(tiny):
    b2.set_device("cpp_standalone", build_on_run=False)
    try:
        with pytest.raises(DiehlCookError, match='"a" could not be resolved'):
            build_network(tiny, excitatory=FORGOTTEN)
        assert b2.get_device() is b2.devices.all_devices["cpp_standalone"]
        assert not b2.get_device().build_on_run
    finally:
        b2.devices.reset_device()


def test_lines_of_a_user_need_no_newline_at_the_end(tiny):
    """Those of the rule come after them."""
    bare = EXCITATORY._replace(equations=EXCITATORY.equations.rstrip(), reset=EXCITATORY.reset.rstrip())
    check_equations(tiny.with_values(rule="pre-and-post", normalise="never"), bare, None, (True,))


def test_a_failed_build_says_the_first_cause():
    try:
        try:
            raise KeyError("the cause")
        except KeyError as cause:
            raise RuntimeError("see above") from cause
    except RuntimeError:
        said = traceback.format_exc()
    error = engine.build_error(said)
    assert str(error) == (
        "the standalone program could not be built: KeyError: 'the cause' (engine runtime does without)"
    )
    with spoken_to_the_command_line():
        assert "-v shows all; --engine runtime" in str(error)
    try:
        raise DiehlCookError("excitatory: is wrong")
    except DiehlCookError:
        assert str(engine.build_error(traceback.format_exc())) == "excitatory: is wrong"
    assert "no message" in str(engine.build_error(""))


def test_the_changes_in_the_guide_and_in_the_tutorial_can_be_made(tiny):
    docs = Path(__file__).parents[1] / "docs"
    guide, tutorial = ((docs / name).read_text(encoding="utf-8") for name in ("guide.md", "tutorial.md"))
    section = guide.split("## Change the model in a notebook")[1].split("### Train it")[0]
    names = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        if "network.run" not in block:
            exec(block, names)  # noqa: S102 - our own page
    assert names["adapting"] == ADAPTING
    check_equations(tiny, ADAPTING, names["forgetful"])
    (change,) = re.findall(r"adapting = (EXCITATORY.changed\(.*?\n\))", tutorial, re.DOTALL)
    assert eval(change, {"EXCITATORY": EXCITATORY, "ms": b2.ms}) == ADAPTING.changed(
        replace={"a += 1*mV": "a += 2*mV"}
    )
