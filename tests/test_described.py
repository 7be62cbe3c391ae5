"""What a run is, in a few words."""

from dataclasses import replace

import pytest

from diehlcook.engines.base import Model
from diehlcook.figures import catalogue
from diehlcook.model.neurons import EXCITATORY
from diehlcook.model.params import load_preset, preset_names
from diehlcook.model.rules import EQUATIONS, TRIPLET
from diehlcook.runs.described import changed_names, changes, described, in_words, nearest_preset
from diehlcook.runs.shipped import load_shipped


def model(changed, preset="paper-triplet-100", **equations):
    return Model(load_preset(preset).with_values(changed), True, **equations)


@pytest.mark.parametrize(
    ("preset", "changed", "words"),
    [
        ("paper-triplet-100", {}, "paper-triplet-100"),
        ("custom", {}, "paper-triplet-100"),
        ("mine", {}, "mine: paper-triplet-100"),
        ("custom", {"tau_mem_exc": "50 ms"}, "paper-triplet-100, tau_mem_exc = 50 ms"),
        (
            "paper-triplet-100",
            {
                "tau_mem_exc": "50 ms",
                "tau_ge": "2 ms",
                "tau_gi": "3 ms",
                "mu": 0.3,
                "beta": 2,
                "x_tar": 0.1,
                "w_max": 2,
            },
            "paper-triplet-100, tau_mem_exc = 50 ms, tau_ge = 2 ms, tau_gi = 3 ms and 4 more",
        ),
        ("mine", {"mu": 0.3}, "mine: paper-triplet-100, mu = 0.3"),
    ],
)
def test_a_run_is_its_nearest_preset_and_what_differs(preset, changed, words):
    assert in_words(preset, model(changed)) == words


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_nearest_to_itself(name):
    params = load_preset(name)
    assert nearest_preset(params) == name
    assert nearest_preset(params.with_values({"v_rest_inh": "-61 mV"}), name) == name


def test_the_preset_that_was_named_is_taken_among_equals():
    """Shuffled order and another time constant: as far from paper-triplet-400 as from best-triplet-400."""
    shuffled = load_preset("paper-triplet-400").with_values({"order": "shuffled"})
    assert nearest_preset(shuffled) == "best-triplet-400"
    other = load_preset("paper-triplet-400").with_values({"tau_ge": "2 ms", "n_exc": 401})
    assert nearest_preset(other) == nearest_preset(other, "unknown") == "paper-triplet-400"


def test_equations_are_named_by_what_they_set():
    code = EXCITATORY.equations.replace("-ge/tau_ge", "-ge/(2*tau_ge)") + "da/dt = -a/tau_ge : 1"
    own = EXCITATORY._replace(equations=code, threshold="v > v_thresh_exc")
    rule = TRIPLET._replace(on_pre="ge_post += w")
    both = model({}, excitatory=own, plasticity=rule)
    assert changed_names(both) == "dge/dt, da/dt, threshold and 2 more"
    assert changed_names(replace(both, excitatory=EXCITATORY)) == "w in on_pre, x0 in on_pre"
    assert in_words("custom", model({"mu": 0.3}, plasticity=rule)) == (
        "paper-triplet-100, mu = 0.3, changed equations: w in on_pre, x0 in on_pre"
    )


def test_changes_are_the_lines_that_differ():
    rule = TRIPLET._replace(on_post=TRIPLET.on_post.replace("w + eta_post", "w + 2*eta_post"))
    (change,) = changes(model({}, plasticity=rule))
    assert (change.of, change.block) == ("plasticity", "on_post")
    assert change.lines == [
        "- w = clip(w + eta_post*x_pre*x_post2_post, 0, w_max)",
        "+ w = clip(w + 2*eta_post*x_pre*x_post2_post, 0, w_max)",
    ]


@pytest.mark.parametrize(
    "rule", [TRIPLET, TRIPLET._replace(on_pre=TRIPLET.on_pre.replace("ge_post +=", "ge_post  +="))]
)
def test_the_equations_of_the_package_and_other_blanks_are_no_change(rule):
    assert changes(model({}, plasticity=rule)) == []
    assert described("custom", model({}, plasticity=rule)) == ["paper-triplet-100"]


def test_a_rule_is_compared_with_the_one_of_its_name():
    own = EQUATIONS["power-law"]
    assert changes(model({}, "paper-power-law-400", plasticity=own)) == []
    assert changes(model({}, "paper-triplet-400", plasticity=own)) != []


def test_titles_and_representations_say_it(monkeypatch):
    run = load_shipped("triplet-400")
    monkeypatch.setattr(run, "model", replace(run.model, params=run.params.with_values({"tau_ge": "2 ms"})))
    assert repr(run).startswith(f"<Run {run.folder}: preset paper-triplet-400, tau_ge = 2 ms, neurons 400")
    assert "paper-triplet-400, tau_ge = 2 ms" in run._repr_html_()
    assert catalogue.Source(run, None).facts.startswith("paper-triplet-400 · tau_ge = 2 ms · 400 neurons")
