import math

import brian2
import numpy as np
import pytest

from diehlcook.companions.masquelier2008.constants import Masquelier2008
from diehlcook.companions.mozafari2019.constants import Mozafari2019
from diehlcook.companions.xo.constants import XO
from diehlcook.errors import DiehlCookError
from diehlcook.model.params import FIELDS, KINDS, Params, load_preset, preset_names, with_rule, with_size


@pytest.mark.parametrize("name", preset_names())
def test_texts_give_back_every_value_exactly(name):
    params = load_preset(name)
    assert Params().with_values(params.as_texts()) == params


def test_values_that_no_short_text_gives_are_kept_exactly():
    params = Params().with_values({"theta_plus": 0.1 * brian2.mV / 3})
    assert Params().with_values(params.as_texts()).theta_plus == float(0.1 * brian2.mV / 3)


@pytest.mark.parametrize("preset", preset_names())
def test_every_value_says_what_it_is_and_where_from(preset):
    params = load_preset(preset)
    for name, field in FIELDS.items():
        assert field.metadata["meaning"], name
        assert params.source(name).startswith(tuple(KINDS)), name
        assert params.source(name) != "user"
    for name in Params().differences(params):
        assert name in params.sources


def test_presets_of_the_authors_are_their_scripts():
    """Figures of the scripts for 100, 400, 1600 and 6400 neurons."""
    read = {name: [load_preset(f"authors-{n}").text(name) for n in (100, 400, 1600, 6400)] for name in FIELDS}
    assert read["dt"] == ["0.5 ms", "0.25 ms", "0.25 ms", "0.25 ms"]
    assert read["theta_plus"] == ["0.025 mV", "0.05 mV", "0.15 mV", "0.5 mV"]
    assert read["theta_init"] == ["20 mV", "10 mV", "10 mV", "10 mV"]
    assert read["theta_offset"] == ["10 mV", "20 mV", "20 mV", "20 mV"]
    assert read["eta_pre"] == ["2e-06", "0.0001", "0.0001", "0.0"]
    assert read["eta_post"] == ["0.0015", "0.01", "0.01", "0.05"]
    assert read["delay_min"] == ["0 ms", "3 ms", "3 ms", "3 ms"]
    assert read["delay_max"] == ["10 ms", "20 ms", "20 ms", "20 ms"]
    assert read["weight_sum"] == ["78.4", "78.0", "78.0", "78.0"]
    assert read["normalise_every"] == ["20", "1", "1", "1"]
    assert read["noise_rate"] == ["10 Hz", "0 Hz", "0 Hz", "0 Hz"]
    assert read["n_exc"] == ["100", "400", "1600", "6400"]
    same = set(FIELDS) - {
        "dt", "theta_plus", "theta_init", "theta_offset", "eta_pre", "eta_post", "delay_min", "delay_max",
        "weight_sum",
        "normalise_every", "noise_rate", "n_exc", "rule",
    }  # fmt: skip
    assert all(set(read[name]) == {Params().text(name)} for name in same)


@pytest.mark.parametrize("n_exc", [100, 400, 1600, 6400])
@pytest.mark.parametrize("rule", ["power-law", "exponential", "pre-and-post"])
def test_presets_of_the_paper(rule, n_exc):
    params, triplet = load_preset(f"paper-{rule}-{n_exc}"), load_preset(f"paper-triplet-{n_exc}")
    needed = {"rule", "pairing", "normalise", "eta_post"}
    needed |= {"power-law": set(), "exponential": {"beta"}, "pre-and-post": {"eta_pre"}}[rule]
    changed = set(triplet.differences(params))
    assert changed - ({"eta_pre", "eta_post"} if n_exc == 6400 else set()) <= needed
    assert (params.rule, params.n_exc, params.normalise, params.pairing) == (
        rule,
        n_exc,
        "never",
        "all-to-all",
    )
    if n_exc == 400:
        assert params == with_rule(load_preset(), rule)
    assumed = "w_exc_inh" in params.assumed  # w_inh_exc was searched for some sizes
    assert assumed == (n_exc != 400)
    assert params.source("eta_post") == f"search ({rule})"
    assert (params.source("beta") == "search (exponential)") == (rule == "exponential")


@pytest.mark.parametrize("n_exc", [400, 1600, 6400])
def test_triplet_presets_of_the_paper_are_the_authors_scripts_with_a_larger_time_step(n_exc):
    paper, script = load_preset(f"paper-triplet-{n_exc}"), load_preset(f"authors-{n_exc}")
    assert paper.differences(script) == {"dt": ("0.5 ms", "0.25 ms")}


def test_another_rule_brings_its_constants():
    assert with_rule(Params(), "triplet") == Params()
    changed = {"rule", "pairing", "normalise", "eta_post"}
    assert set(Params().differences(with_rule(Params(), "power-law"))) == changed
    assert with_rule(Params(), "triplet-100n").rule == "triplet-100n"
    with pytest.raises(DiehlCookError, match="start from a preset of that rule"):
        with_rule(load_preset("paper-power-law-400"), "triplet")
    with pytest.raises(DiehlCookError, match=r"rule power-law sets all"):
        Params().with_values({"rule": "power-law"})
    with pytest.raises(DiehlCookError, match="choose one of triplet"):
        with_rule(Params(), "hebb")


def test_a_rule_brings_values_that_happen_to_be_the_default_ones():
    """The script for 6400 neurons has no depression; pre-and-post needs its own eta_pre, from the search."""
    params = with_rule(load_preset("paper-triplet-6400"), "pre-and-post")
    assert (params.eta_pre, params.source("eta_pre")) == (1e-4, "search (pre-and-post)")


def test_from_the_leaking_triplet_rule_there_is_a_way_back():
    """Only the rule changes: what a preset has of its own keeps its value and its source."""
    leaking = load_preset("authors-100")
    params = with_rule(leaking, "triplet")
    assert params.differences(leaking) == {"rule": ("triplet", "triplet-100n")}
    assert params.source("rule") == Params().source("rule")
    assert params.source("dt") == leaking.source("dt")
    other = with_rule(leaking, "power-law")
    assert (other.rule, other.dt, other.source("dt")) == ("power-law", leaking.dt, leaking.source("dt"))


def test_values_by_keyword_are_those_of_a_dictionary():
    by_name = Params().with_values(tau_mem_exc="50 ms", n_exc=25)
    assert by_name == Params().with_values({"n_exc": 25, "tau_mem_exc": "50 ms"})
    assert by_name == Params().with_values({"n_exc": 25}, tau_mem_exc="50 ms")
    assert by_name.source("tau_mem_exc") == "user"
    with pytest.raises(DiehlCookError, match="unknown parameter 'tau_mem_ex'; did you mean tau_mem_exc"):
        Params().with_values(tau_mem_ex="50 ms")
    with pytest.raises(DiehlCookError, match=r'is given .tau_mem_exc.; expected .*, or tau_mem_exc="50 ms"'):
        Params().with_values("tau_mem_exc", "50 ms")
    with pytest.raises(DiehlCookError, match=r"\['tau_ge'\]; take \.tau_ge, .*\.text\('tau_ge'\)"):
        Params()["tau_ge"]


def test_sources_follow_the_values():
    params = load_preset("authors-6400").with_values({"theta_plus": "0.2 mV"})
    assert params.source("theta_plus") == "user"
    assert params.source("eta_post").startswith("authors' per-size scripts")
    assert params.source("tau_pre") == "authors' public code"
    assert params.with_values({"dt": "0.25 ms"}).source("dt").startswith("authors'")  # no change


def test_base_is_the_authors_code_and_the_example_differs_as_documented():
    default, example = Params(), load_preset("brian2-example")
    assert load_preset("diehl-cook-2015") == default
    assert (default.dt, default.lockout_exc, default.clamp_exc) == (0.0005, 0.0, False)
    assert set(default.differences(example)) == {
        "dt", "integrator", "v_init_offset", "clamp_exc", "lockout_exc", "normalise", "count_rest",
    }  # fmt: skip
    assert example.lockout_exc == pytest.approx(0.05)


def test_the_ports_differ_from_the_authors_code_as_documented():
    ports = load_preset("ports-2016")
    assert set(Params().differences(ports)) == {"dt", "integrator", "clamp_exc", "lockout_exc", "eta_pre"}
    assert ports.eta_pre == -Params().eta_pre  # item 19: the sign of the depression is flipped
    assert ports.normalise == "presentation"
    assert ports.source("lockout_exc").startswith("ports")


def test_namespace_has_units_and_whole_steps():
    namespace = load_preset("brian2-example").namespace()
    assert namespace["tau_mem_exc"] == 100 * brian2.ms
    assert namespace["e_inh_exc"] == -100 * brian2.mV
    assert namespace["refractory_exc_steps"] == 50
    assert namespace["lockout_exc_steps"] == 500
    assert namespace["presentation_steps"] == 5000
    assert namespace["clamp_exc"] == 1
    assert "dt" not in namespace  # it would hide the clock's


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tau_mem_exc": "5"}, "needs a unit such as ms"),
        ({"tau_mem_exc": 5}, "needs a unit such as ms"),
        ({"tau_mem_exc": "5 mV"}, "needs a unit such as ms"),
        ({"tau_mem_exc": 5 * brian2.mV}, "needs a unit such as ms"),
        ({"w_max": "1 mV"}, "has no unit"),
        ({"tau_mem_exk": "5 ms"}, "did you mean tau_mem_exc?"),
        ({"n_exc": "12.5"}, "whole number"),
        ({"n_exc": "-1"}, "from 1 to 100000"),
        ({"dt": "0 ms"}, "from 0.001 ms to 1000 ms"),
        ({"tau_ge": "nan ms"}, "expected a number"),
        ({"clamp_exc": "maybe"}, "true or false"),
        ({"integrator": "rk4"}, "exponential_euler, euler"),
        ({"rule": "hebb"}, "choose one of triplet"),
        ({"dt": "0.3 ms"}, "whole number of time steps"),
        ({"delay_max": "200 ms"}, "t_rest"),
        ({"normalise_every": "0"}, "from 1 to"),
        ({"noise_rate": "-1 Hz"}, "from 0 Hz to"),
        ({"tau_pre": "0.5 ms"}, "1/600 of a presentation"),
        ({"normalise": "sometimes"}, "presentation, image, never"),
        ({"delay_min": "11 ms"}, "delay_min <= delay_max"),
        ({"tau_theta": math.inf * brian2.ms}, "from 0.001 ms to 1e"),
        (
            {"w_max": "0.3", "rule": "power-law", "normalise": "never"},
            "initial weights that are not larger, .* 0.303",
        ),
        ({"max_attempts": 20_000}, "from 1 to 10000"),
        ({"tau_mem_exc": [1, 2] * brian2.ms}, "expected one number"),
        ({"rule": "rectangular", "pairing": "all-to-all"}, "rule rectangular needs nearest"),
    ],
)
def test_bad_values_are_refused_by_name(values, message):
    with pytest.raises(DiehlCookError, match=message) as error:
        Params().with_values(values)
    assert "\n" not in str(error.value)
    assert next(iter(values))[:8] in str(error.value)


@pytest.mark.parametrize("table", [Params, Masquelier2008, Mozafari2019, XO])
def test_every_number_has_a_range_and_is_held_to_it(table):
    for name, declared in table.table().items():
        default = declared.default
        if isinstance(default, bool | str):
            continue
        low, high = declared.metadata["within"]
        assert low <= default <= high, name
        for value in (low - 1, math.nan, -math.inf, math.inf, high * 2):
            if isinstance(default, int) and math.isfinite(value):
                value = int(value)
            with pytest.raises(DiehlCookError, match=f"^{name} is .*; it must be "):
                table(**{name: value})


def test_a_number_of_another_kind_is_refused():
    for wrong in (
        {"n_exc": 5.0},
        {"n_exc": True},
        {"n_exc": "5"},
        {"dt": "0.5 ms"},
        {"clamp_exc": 1},
        {"rule": 3},
    ):
        with pytest.raises(DiehlCookError, match=next(iter(wrong))):
            Params(**wrong)
    assert type(Params(n_exc=np.int64(5)).n_exc) is int  # as JSON needs it


def test_synapses_are_counted_in_32_bits():
    with pytest.raises(
        DiehlCookError, match=r"n_input is 100000 and n_exc 100000; .* 2,147,483,647 synapses"
    ):
        Params(n_input=100_000, n_exc=100_000)


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(DiehlCookError, match="did you mean brian2-example"):
        load_preset("brian2-exampel")


def test_preset_files(tmp_path):
    good = tmp_path / "mine.toml"
    good.write_text('base = "brian2-example"\nn_exc = 25\n')
    assert load_preset(str(good)) == load_preset("brian2-example").with_values({"n_exc": 25})
    good.write_text('eta_pre = { value = 0.5, source = "search: mine" }\n')
    assert load_preset(str(good)).source("eta_pre") == "search: mine"
    bad = tmp_path / "bad.toml"
    bad.write_text("eta_pre = { value = 0.5 }")
    with pytest.raises(DiehlCookError, match=r'expected a value, or \{ value = ..., source = "..." \}'):
        load_preset(str(bad))
    bad.write_text('tau_ge = "1 mV"\n')
    with pytest.raises(DiehlCookError, match=r"bad\.toml: tau_ge"):
        load_preset(str(bad))
    bad.write_text("tau_ge = ")
    with pytest.raises(DiehlCookError, match="not valid TOML"):
        load_preset(str(bad))
    with pytest.raises(DiehlCookError, match=r"none\.toml: cannot read"):
        load_preset(str(tmp_path / "none.toml"))


def test_theta_step_grows_with_the_network():
    assert with_size(Params(), 100).text("theta_plus") == "0.0125 mV"
    assert with_size(Params(), 400) == Params()
    assert with_size(load_preset("authors-6400"), 400).text("theta_plus") == "0.05 mV"
    assert with_size(Params(), 100, scale=False).text("theta_plus") == "0.05 mV"
    assert with_size(Params(), 100).assumed == ["theta_plus", "w_exc_inh", "w_inh_exc"]
    assert Params().assumed == []
    assert Params().with_values({"n_exc": 100}).assumed == ["w_exc_inh", "w_inh_exc"]
    assert Params().with_values({"n_exc": 100, "w_exc_inh": 9}).assumed == ["w_inh_exc"]
