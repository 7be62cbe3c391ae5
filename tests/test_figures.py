"""What the figures show, read back from their artists; and that Agg can draw them without a display."""

import io
import itertools
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from diehlcook import figures
from diehlcook.figures.fields import UNASSIGNED

FACTS = "diehl-cook-2015 · 400 neurons · 60,000 images · seed 1 · 87.9 % [87.2, 88.5]"


def pixels(figure):
    """Draw with Agg and say how many pixels are not white."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[..., :3]
    return int(np.count_nonzero((image != 255).any(axis=-1)))


def texts(ax):
    return [text.get_text() for text in ax.texts]


def numbered_fields(n_exc, rows=4, columns=4):
    """Weights such that every pixel of neuron k is (k + 1) / n_exc."""
    return np.tile((np.arange(n_exc) + 1) / n_exc, (rows * columns, 1))


def grid_of(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


@pytest.mark.parametrize("n_exc", [1, 9, 10, 100])
def test_neuron_k_stands_in_row_k_over_side(n_exc):
    rng = np.random.default_rng(0)
    weights = rng.random((784, n_exc))
    ax = figures.receptive_fields(weights)
    grid = grid_of(ax)
    side = int(np.ceil(np.sqrt(n_exc)))
    assert grid.shape == (28 * side, 28 * side)
    for k in range(side * side):
        row, column = divmod(k, side)
        field = grid[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        if k < n_exc:
            assert field == pytest.approx(weights[:, k].reshape(28, 28), abs=1e-7)
        else:
            assert np.isnan(field).all()
    assert ax.images[0].get_clim() == (0, 1)
    assert ax.images[0].get_cmap().name == "hot_r"


def test_fields_sorted_by_class():
    classes = np.array([2, -1, 0, 2, 0, 1, 9, 0, 1], np.int8)
    ax = figures.receptive_fields(numbered_fields(9), assignments=classes, sort="label")
    first = grid_of(ax)[::4, ::4].ravel()
    assert (first * 9 - 1).round().astype(int).tolist() == [2, 4, 7, 5, 8, 0, 3, 6, 1]
    assert texts(ax)[:9] == ["0", "0", "0", "1", "1", "2", "2", "9", "—"]


def test_many_sorted_fields_are_named_at_the_side():
    classes = np.repeat([3, 1, -1, 0], 100)
    ax = figures.receptive_fields(numbered_fields(400), assignments=classes, sort="label")
    marks = [text for text in ax.texts if text.get_text() in {"0", "1", "3", "—"}]
    assert [mark.get_text() for mark in marks] == ["0", "1", "3", "—"]
    # Five rows of neurons for each class, of four pixels each.
    assert [mark.get_position()[1] for mark in marks] == pytest.approx([9.5, 29.5, 49.5, 69.5])
    width = ax.figure.get_figwidth() * ax.figure.dpi
    pixels(ax.figure)
    assert all(0 <= mark.get_window_extent().x0 < width for mark in marks)  # not cut off


def test_faint_weights_get_a_scale_that_says_so():
    weights = np.full((16, 4), 0.1)
    weights[0, 0] = 0.3
    ax = figures.receptive_fields(weights)
    assert ax.images[0].get_clim()[1] == pytest.approx(np.percentile(weights, 99.9))
    label = ax.child_axes[0].get_ylabel()
    assert "99.9th percentile" in label
    assert "0.3" in label
    assert figures.receptive_fields(weights * 2).images[0].get_clim() == (0, 1)
    assert figures.receptive_fields(weights, vmax=0.2).images[0].get_clim() == (0, 0.2)
    assert figures.receptive_fields(weights * 0).images[0].get_clim() == (0, 1)


def test_fields_of_another_shape_in_given_axes():
    figure = Figure()
    ax = figure.subplots()
    assert figures.receptive_fields(np.ones((6, 4)), shape=(2, 3), ax=ax, title="Mine") is ax
    assert grid_of(ax).shape == (4, 6)
    assert ax.get_title(loc="left") == "Mine"


def test_film_strip():
    weights = [np.full((4, 3), 0.1 * step) + np.arange(3) / 100 for step in range(10)]
    figure = figures.weight_snapshots(
        [(100 * s, w) for s, w in enumerate(weights)], neurons=[5, 6, 7], limit=4
    )
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "300", "600", "900"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["5", "6", "7"]
    expected = np.array([[weights[s][0, n] for s in (0, 3, 6, 9)] for n in range(3)])
    assert grid_of(ax)[::2, ::2] == pytest.approx(expected, abs=1e-7)


def test_confusion_shows_counts_and_shares():
    counts = np.array([[8, 2, 0], [0, 5, 0], [1, 0, 3]])
    ax = figures.confusion_matrix(counts, accuracy=16 / 20, interval=(0.584, 0.919))
    assert texts(ax) == [str(count) for count in counts.ravel()]
    assert [text.get_position() for text in ax.texts] == [(c, r) for r in range(3) for c in range(3)]
    assert grid_of(ax) == pytest.approx(counts / [[10], [5], [4]])
    assert "80.00 % correct [58.4, 91.9]" in ax.get_title(loc="left")


def test_confusion_shows_silent_images_in_their_own_column():
    counts = np.array([[3, 1], [0, 0]])
    ax = figures.confusion_matrix(counts, class_sizes=[5, 0])
    assert texts(ax) == ["3", "1", "1", "0", "0", "0"]
    assert grid_of(ax).tolist() == [[0.6, 0.2, 0.2], [0, 0, 0]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "none"]
    assert grid_of(figures.confusion_matrix(counts, class_sizes=[4, 0])).shape == (2, 2)


def history(n_images):
    fields = [("label", "i2"), ("presentations", "i4"), ("spikes", "i4")]
    fields += [(name, "f8") for name in ("theta_mean", "theta_sd", "weight_mean", "weight_sd")]
    rows = np.zeros(n_images, fields)
    rows["presentations"] = 1
    rows["spikes"] = np.arange(n_images)
    rows["theta_mean"], rows["theta_sd"] = 0.03, 0.005
    rows["weight_sd"] = 0.1
    return rows


def panels(figure):
    return {ax.get_label(): ax for ax in figure.axes}


def test_training_curves_average_in_windows():
    accuracy = np.array([(500, 40, 100), (1003, 90, 100), (1003, 0, 0)], "i8,i8,i8")
    accuracy.dtype.names = ("images", "correct", "total")
    shown = panels(figures.training_curves(history(1003), accuracy, points=10))
    assert list(shown) == ["accuracy", "theta", "spikes", "presentations", "weight_sd"]
    images, spikes = shown["spikes"].lines[0].get_data()
    assert images.tolist() == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1003]
    assert spikes[:2].tolist() == [49.5, 149.5]
    assert spikes[-1] == np.arange(900, 1003).mean()
    assert "mean of 100 images" in shown["spikes"].get_ylabel()
    assert shown["theta"].lines[0].get_ydata() == pytest.approx(np.full(10, 30.0))  # mV
    assert shown["accuracy"].lines[0].get_ydata().tolist() == [40, 90]  # the empty window is left out
    band = shown["accuracy"].collections[0].get_paths()[0].vertices[:, 1]
    assert 30 < band.min() < 40
    assert 90 < band.max() < 95


def test_accuracy_curves_can_be_told_apart():
    fields = [("images", "i8"), ("correct", "i8"), ("total", "i8")]
    names = ["_first", "a $b$", *"cdefghij"]
    curves = {
        name: np.array([(50, k, 50), (60, 0, 0), (100, 2 * k, 50)], fields) for k, name in enumerate(names)
    }
    ax = figures.accuracy_curves(curves)
    lines = ax.get_lines()
    for k, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_xydata(), [(50, 2 * k), (100, 4 * k)])
    looks = [(str(line._dash_pattern), line.get_marker()) for line in lines]
    assert len({look[1] for look in looks}) == len({line.get_color() for line in lines}) == 10
    assert all(one[0] != other[0] for one, other in itertools.pairwise(looks))
    (legend,) = ax.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [" _first", r"a \$b\$", *"cdefghij"]


@pytest.mark.parametrize("n_images", [1, 2, 37])
def test_training_curves_of_short_runs(n_images):
    figure = figures.training_curves(history(n_images))
    assert "accuracy" not in panels(figure)
    assert panels(figure)["spikes"].lines[0].get_xdata().tolist() == list(range(1, n_images + 1))
    assert pixels(figure) > 1000


def test_long_runs_become_few_points():
    shown = panels(figures.training_curves(history(900_000)))
    assert len(shown["spikes"].lines[0].get_xdata()) <= 401


def test_histograms_count_everything_once():
    weights = np.array([[0.0, 0.005, 0.3], [0.6, 1.0, np.nan]])
    ax = figures.weight_histogram(weights)
    assert ax.patches[0].get_data().values.sum() == 5
    assert "40.0 % below 0.01" in texts(ax)[0]
    assert "1 not finite" in texts(ax)[0]
    ax = figures.theta_histogram(np.array([0.02, 0.03, 0.04]))
    assert ax.patches[0].get_data().values.sum() == 3
    assert ax.patches[0].get_data().edges[[0, -1]] == pytest.approx([20, 40])
    assert "30.0 ± 8.2 mV" in texts(ax)[0]


def test_label_map_shows_classes_and_counts():
    figure = figures.label_map(np.array([3, 3, -1, 0, 9], np.int8))
    ax, bars = figure.axes
    assert grid_of(ax).ravel()[:5].tolist() == [3, 3, -1, 0, 9]
    assert np.isnan(grid_of(ax).ravel()[5:]).all()
    assert texts(ax) == ["3", "3", "—", "0", "9"]
    assert [bar.get_width() for bar in bars.patches] == [1, 0, 0, 2, 0, 0, 0, 0, 0, 1, 1]
    inks = ax.images[0].to_rgba(np.array([[-1, 0, 9]]))[0, :, :3]
    colours = [UNASSIGNED, figures.CLASS_COLOURS[0], figures.CLASS_COLOURS[9]]
    assert inks == pytest.approx(np.array([matplotlib.colors.to_rgb(c) for c in colours]), abs=0.003)


def test_big_label_maps_have_no_digits():
    assert texts(figures.label_map(np.zeros(6400, np.int8)).axes[0]) == []
    assert len(texts(figures.label_map(np.zeros(1600, np.int8)).axes[0])) == 1600


def test_class_colours_differ():
    assert len({*figures.CLASS_COLOURS, UNASSIGNED}) == 11


def small_raster(**options):
    time = np.arange(0, 1, 0.01)
    v = np.stack([np.full(time.size, -0.065), np.full(time.size, -0.060)])
    spikes = {"input": ([0, 5, 9], [0.1, 0.2, 0.6]), "excitatory": ([1, 3, 1], [0.15, 0.3, 0.7])}
    settings = {"boundaries": [0, 0.5], "stimulus_ends": [0.35, 0.85], "labels": [7, 2], "time": time, "v": v}
    settings |= {"threshold": v + 0.02, "neurons": [1, 3], **options}
    return figures.raster(spikes, **settings)


def test_raster_marks_spikes_rests_and_thresholds():
    shown = panels(small_raster(sizes={"input": 784}))
    assert list(shown) == ["input", "excitatory", "v 0", "v 1"]
    assert shown["input"].get_ylim() == (-0.5, 783.5)
    assert texts(shown["input"]) == ["7", "2"]
    dots = shown["excitatory"].lines[-1]
    assert dots.get_xdata().tolist() == [0.15, 0.3, 0.7]
    assert dots.get_ydata().tolist() == [1, 3, 1]
    rests = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in shown["v 0"].patches]
    assert rests == [(0.35, 0.5), (0.85, pytest.approx(0.99))]
    potential, threshold, marks = shown["v 0"].lines[-3:]
    assert potential.get_ydata() == pytest.approx(np.full(100, -65.0))
    assert threshold.get_ydata() == pytest.approx(np.full(100, -45.0))
    assert marks.get_xdata().tolist() == [0.15, 0.7]
    assert marks.get_ydata() == pytest.approx([-45, -45])


def test_raster_ends_with_the_last_rest():
    shown = panels(small_raster(boundaries=[0, 0.5, 1.0]))
    assert shown["v 1"].get_xlim() == (0, 1)
    bare = small_raster(v=None, threshold=None, neurons=None, time=None, labels=None)
    assert list(panels(bare)) == ["input", "excitatory"]


def test_misclassified_digits():
    images = np.zeros((5, 28, 28), np.uint8)
    images[:, 10, 10] = [10, 20, 30, 40, 50]
    figure = figures.misclassified(images, [0, 1, 2, 3, 4], [0, 7, -1, 3, 9])
    ax = figure.axes[0]
    assert texts(ax) == ["1→7", "2→—", "4→9"]
    sheet = grid_of(ax)
    assert np.count_nonzero(sheet == 1) == 3
    assert sheet[10, [10, 38, 66]].tolist() == [1, 1, 1]
    assert "3 of 5 images misclassified" in figure.get_suptitle()
    limited = figures.misclassified(images, [0] * 5, [1] * 5, limit=2)
    assert len(texts(limited.axes[0])) == 2
    assert "the first 2" in limited.get_suptitle()
    assert pixels(figures.misclassified(images, [0] * 5, [0] * 5)) > 100


def all_figures():
    rng = np.random.default_rng(0)
    weights, classes = rng.random((784, 25)), rng.integers(-1, 10, 25)
    window = np.array([(100, 80, 100)], [("images", "i8"), ("correct", "i8"), ("total", "i8")])
    yield figures.receptive_fields(weights, assignments=classes, sort="label", facts=FACTS).figure
    yield figures.weight_snapshots([(0, weights[:, :2]), (9, weights[:, :2])], facts=FACTS)
    yield figures.weight_histogram(weights, facts=FACTS).figure
    yield figures.theta_histogram(rng.random(25) / 20, facts=FACTS).figure
    yield figures.label_map(classes, facts=FACTS)
    yield figures.confusion_matrix(rng.integers(0, 50, (10, 10)), facts=FACTS).figure
    yield figures.misclassified(rng.random((9, 28, 28)), classes[:9], classes[9:18], facts=FACTS)
    yield figures.training_curves(history(100), window, facts=FACTS)
    yield figures.accuracy_curves({"one": window, "other": window}, facts=FACTS).figure
    yield small_raster(facts=FACTS)


def test_all_are_drawn_and_say_their_facts():
    for figure in all_figures():
        assert pixels(figure) > 3000
        drawn = [text.get_text().replace("\n", " · ") for text in figure.findobj(matplotlib.text.Text)]
        assert FACTS in drawn
        file = io.BytesIO()
        figure.savefig(file, format="pdf")
        assert file.getvalue().startswith(b"%PDF")


def test_no_title_and_no_state():
    before = dict(matplotlib.rcParams)
    ax = figures.weight_histogram(np.ones((4, 4)), title="")
    assert ax.get_title(loc="left") == ""
    assert dict(matplotlib.rcParams) == before


def test_pyplot_and_brian2_stay_out():
    code = (
        "import diehlcook.figures, sys; sys.exit('brian2' in sys.modules or 'matplotlib.pyplot' in "
        "sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SQUARE = np.ones((4, 4))
BAD = {
    "weights: expected shape": lambda: figures.receptive_fields(np.ones(784)),
    "shape: expected rows": lambda: figures.receptive_fields(np.ones((783, 4))),
    r"assignments: expected shape \(4,\)": lambda: figures.receptive_fields(SQUARE, assignments=[1]),
    "assignments: expected integers": lambda: figures.receptive_fields(SQUARE, assignments=[0.5] * 4),
    "sort: expected": lambda: figures.receptive_fields(SQUARE, sort="digit"),
    "needs assignments": lambda: figures.receptive_fields(SQUARE, sort="label"),
    "snapshots: expected at least": lambda: figures.weight_snapshots([]),
    "snapshots: expected shape": lambda: figures.weight_snapshots([(0, SQUARE), (1, SQUARE[:, :2])]),
    "neurons: expected 4 numbers": lambda: figures.weight_snapshots([(0, SQUARE)], neurons=[1]),
    "weights: expected shape .* got": lambda: figures.weight_histogram(np.ones((2, 2, 2))),
    "theta: expected shape": lambda: figures.theta_histogram(SQUARE),
    "assignments: expected at least": lambda: figures.label_map(np.array([10])),
    "confusion: expected counts": lambda: figures.confusion_matrix(np.ones((2, 3), int)),
    "class_sizes: a class has fewer": lambda: figures.confusion_matrix(
        np.ones((2, 2), int), class_sizes=[2, 1]
    ),
    "images: expected shape": lambda: figures.misclassified(SQUARE, [0] * 4, [0] * 4),
    r"predicted: expected shape \(2,\)": lambda: figures.misclassified(np.ones((2, 4, 4)), [0, 0], [0]),
    "history: expected a structured": lambda: figures.training_curves(np.ones(5)),
    "history: expected at least one": lambda: figures.training_curves(history(0)),
    "accuracy: expected a structured": lambda: figures.training_curves(history(5), np.ones(5)),
    "curves: expected 1 to 10 runs, got 0": lambda: figures.accuracy_curves({}),
    "curves: expected 1 to 10 runs, got 11": lambda: figures.accuracy_curves(dict.fromkeys(range(11))),
    "curves.'a'.: expected": lambda: figures.accuracy_curves({"a": np.ones(5)}),
    "raster: expected populations": lambda: small_raster(boundaries=[0]),
    "labels: expected 2": lambda: small_raster(labels=[1]),
    "neurons: expected 2": lambda: small_raster(neurons=[1]),
    "time: expected shape": lambda: small_raster(time=[0.0]),
    "threshold: expected shape": lambda: small_raster(threshold=[[0.0]]),
    "spikes.'a'.: expected": lambda: figures.raster(
        {"a": ([1], [0.1, 0.2])}, boundaries=[0], stimulus_ends=[1]
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_wrong_shapes_are_named(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()
