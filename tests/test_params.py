import brian2
import pytest

from diehlcook.errors import DiehlCookError
from diehlcook.params import FIELDS, Params, load_preset, preset_names, scaled_theta_plus


@pytest.mark.parametrize("name", preset_names())
def test_texts_give_back_every_value_exactly(name):
    params = load_preset(name)
    assert Params().with_values(params.as_texts()) == params


def test_values_that_no_short_text_gives_are_kept_exactly():
    params = Params().with_values({"theta_plus": 0.1 * brian2.mV / 3})
    assert Params().with_values(params.as_texts()).theta_plus == float(0.1 * brian2.mV / 3)


def test_every_parameter_says_what_it_is_and_where_from():
    for name, field in FIELDS.items():
        assert field.metadata["meaning"], name
        assert field.metadata["source"], name


def test_default_is_the_authors_code_and_the_example_differs_as_documented():
    default, example = load_preset(), load_preset("brian2-example")
    assert (default.dt, default.lockout_exc, default.clamp_exc) == (0.0005, 0.0, False)
    assert set(default.differences(example)) == {
        "dt", "integrator", "v_init_exc", "v_init_inh", "clamp_exc", "lockout_exc", "normalise", "count_rest",
    }  # fmt: skip
    assert example.lockout_exc == pytest.approx(0.05)


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
        ({"n_exc": "-1"}, "greater than 0"),
        ({"dt": "0 ms"}, "greater than 0"),
        ({"tau_ge": "nan ms"}, "expected a number"),
        ({"clamp_exc": "maybe"}, "true or false"),
        ({"integrator": "rk4"}, "exponential_euler, euler"),
        ({"rule": "hebb"}, "choose one of triplet"),
        ({"dt": "0.3 ms"}, "whole number of time steps"),
        ({"delay_max": "200 ms"}, "t_rest"),
        ({"delay_min": "11 ms"}, "delay_min <= delay_max"),
    ],
)
def test_bad_values_are_refused_by_name(values, message):
    with pytest.raises(DiehlCookError, match=message) as error:
        Params().with_values(values)
    assert "\n" not in str(error.value)
    assert next(iter(values))[:8] in str(error.value)


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(DiehlCookError, match="did you mean brian2-example"):
        load_preset("brian2-exampel")


def test_preset_files(tmp_path):
    good = tmp_path / "mine.toml"
    good.write_text('base = "brian2-example"\nn_exc = 25\n')
    assert load_preset(str(good)) == load_preset("brian2-example").with_values({"n_exc": 25})
    bad = tmp_path / "bad.toml"
    bad.write_text('tau_ge = "1 mV"\n')
    with pytest.raises(DiehlCookError, match=r"bad\.toml: tau_ge"):
        load_preset(str(bad))
    bad.write_text("tau_ge = ")
    with pytest.raises(DiehlCookError, match="not valid TOML"):
        load_preset(str(bad))
    with pytest.raises(DiehlCookError, match=r"none\.toml: cannot read"):
        load_preset(str(tmp_path / "none.toml"))


def test_theta_step_grows_with_the_network():
    assert scaled_theta_plus(400) == "0.05 mV"
    assert scaled_theta_plus(100) == "0.0125 mV"
