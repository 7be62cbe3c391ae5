"""The golden description of the model: that docs/model.md is what is built, and that changes of the model show in it."""

from functools import cache
from pathlib import Path

import pytest
from conftest import load_script

from diehlcook.model import neurons, rules
from diehlcook.model.network import build_network
from diehlcook.model.params import BASE_PRESET, FIELDS, Params, load_preset, preset_names

MODEL = Path(__file__).parents[1] / "docs" / "model.md"

pytestmark = pytest.mark.usefixtures("numpy_target")

module = load_script("describe_model")
build, describe, facts_of, frozen_table = module.build, module.describe, module.facts_of, module.frozen_table

unchanged = cache(describe)  # before a test replaces anything


def section(text, title):
    """Lines from a heading of level 2 or 3 to the next of the same level."""
    level = title.split()[0]
    return text.split(f"\n{title}\n")[1].split(f"\n{level} ")[0].splitlines()


def new_lines(text):
    """Lines that a change of the model brings to its description."""
    return set(text.splitlines()) - set(unchanged().splitlines())


def building(monkeypatch, change):
    """Let the description see networks that `change` has had a hand in."""
    monkeypatch.setattr(module, "build_network", change)


def test_the_file_describes_the_model():
    written = MODEL.read_text(encoding="utf-8")
    assert written == unchanged(), (
        "the model is not the one that docs/model.md describes. If the change is meant, run "
        "`python scripts/tools/describe_model.py > docs/model.md`, read the difference, and say what "
        "changed in CHANGELOG.md "
        '(under "Results changed" if results move)'
    )


def test_networks_built_before_leave_no_trace():
    kept = [
        build_network(load_preset("smoke")) for _ in range(2)
    ]  # their objects take the names without a number
    assert describe() == unchanged()
    assert kept


def test_every_parameter_preset_and_rule_is_described():
    for name in FIELDS:
        assert any(line.startswith(f"| `{name}` |") for line in section(unchanged(), "## Parameters"))
    for name in preset_names()[1:]:
        assert any(line.startswith("| `") for line in section(unchanged(), f"### {name}"))
    for name in rules.RULES:
        assert "# inp_exc, on_pre" in section(unchanged(), f"### {name}")


def test_every_name_in_the_table_of_derived_constants_has_a_meaning():
    assert not [line for line in section(unchanged(), "## Parameters") if line.endswith("|  |")]


@pytest.mark.parametrize("phase", ["observe", "predict"])
def test_the_frozen_phases_are_one_network(phase):
    params = Params().with_values({"noise_rate": "1 Hz"})
    train, test, other = (build(params, phase=name) for name in ("train", "test", phase))
    assert facts_of(other) == facts_of(test)
    assert frozen_table(train, other) == frozen_table(train, test)


@pytest.mark.slow
def test_a_changed_reset_shows(monkeypatch):
    unchanged()
    changed = neurons.EXCITATORY._replace(reset=neurons.EXCITATORY.reset + "ge = 0\n")
    building(monkeypatch, lambda params, **more: build_network(params, excitatory=changed, **more))
    text = describe()
    assert new_lines(text) == {"ge = 0"}
    assert "ge = 0" in section(text, "### `exc`: excitatory neurons (paper §2.1, §2.4)")


def test_a_flipped_sign_in_a_rule_shows_in_its_section_alone(monkeypatch):
    unchanged()
    rule = rules.EQUATIONS["pre-and-post"]
    flipped = rule._replace(on_pre=rule.on_pre.replace("w - eta_pre", "w + eta_pre"))
    monkeypatch.setitem(rules.EQUATIONS, "pre-and-post", flipped)
    text = describe()
    line = "w = clip(w + eta_pre*x_post1_post*w**mu, 0, w_max)"
    assert new_lines(text) == {line}
    assert line in section(text, "### pre-and-post")
    for other in ("triplet", "triplet-100n", "power-law", "exponential"):
        assert section(text, f"### {other}") == section(unchanged(), f"### {other}")


def test_changed_constants_and_structure_show(monkeypatch):
    """One description for many changes: each shows at its own place."""
    unchanged()
    default = Params()
    changed = default.with_values(
        {"tau_ge": "2 ms", "v_init_offset": "0 mV", "self_inhibition": "true", "pairing": "all-to-all"},
        "ours: a trial",
    )
    monkeypatch.setattr(
        module, "load_preset", lambda name: changed if name == BASE_PRESET else load_preset(name)
    )

    def late(params, **more):
        network = build_network(params, **more)
        network["exc"].thresholder["spike"].when = "after_thresholds"
        network["exc_inh"].pre.order = 5
        return network

    building(monkeypatch, late)
    expected = {
        "| `tau_ge` | τ_ge | 2 ms | decay of the excitatory conductance | ours: a trial |",
        "| `all_to_all` | 1 | 1 if `pairing` is all-to-all |",
        "v = -0.065 volt",
        "inh to exc: all to all, n_exc * n_exc synapses",
        "| `after_thresholds` | 0 | step | `exc` | threshold |",
        "| `synapses` | 5 | step | `exc_inh` | on_pre |",
    }
    assert expected <= new_lines(describe())


def test_what_is_not_frozen_any_more_shows(monkeypatch):
    """A network of the test phase that goes on learning: nothing is left to tell about it."""
    unchanged()
    building(monkeypatch, lambda params, phase="train", **more: build_network(params, **more))
    text = "\n".join(section(describe(), "## In observe and test"))
    for frozen in ("theta_plus", "tau_theta", "noise_rate", "- x0 : 1"):
        assert frozen in "\n".join(section(unchanged(), "## In observe and test"))
        assert frozen not in text
