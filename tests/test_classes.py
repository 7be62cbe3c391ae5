"""Own images and classes: what arrays become, how classes are named and chosen, and what a run on two of them shows."""

import json
import logging
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from diehlcook import figures, load_run, predict
from diehlcook.analysis import health, readout
from diehlcook.analysis.history import read_evidence
from diehlcook.analysis.ladder import ladder
from diehlcook.cli.main import main
from diehlcook.data import datasets
from diehlcook.data.datasets import Dataset, load
from diehlcook.errors import DiehlCookError
from diehlcook.figures import catalogue
from diehlcook.model.params import load_preset
from diehlcook.phases.observe import observe
from diehlcook.phases.test import test as judge
from diehlcook.phases.train import train

RNG = np.random.default_rng(0)


# Arrays


def test_floats_integers_and_flat_arrays_are_the_same_images():
    levels = RNG.integers(0, 256, (3, 4, 4), np.uint8)
    labels = [0, 1, 1]
    for same in (levels, levels.astype(int), levels / 255, levels.reshape(3, 16), levels.tolist()):
        assert Dataset.from_arrays(same, labels).digest == Dataset.from_arrays(levels, labels).digest


def test_colour_becomes_grey_as_the_eye_sees_it():
    colours = np.zeros((4, 1, 2, 3), np.uint8)
    for k in range(3):
        colours[k, :, :, k] = 255
    colours[3] = 100
    assert Dataset.from_arrays(colours, range(4)).images[:, 0, 0].tolist() == [76, 150, 29, 100]
    transparent = np.concatenate([colours, np.zeros((4, 1, 2, 1), np.uint8)], axis=3)
    assert (Dataset.from_arrays(transparent, range(4)).images == 255).all()


def test_images_are_resized_by_the_mean_of_what_a_pixel_covers():
    chequered = np.indices((56, 84)).sum(axis=0) % 2 * 255
    small = Dataset.from_arrays([chequered], ["x"], size=(28, 21)).images
    assert small.shape == (1, 28, 21)
    assert abs(small.astype(int) - 127).max() < 8  # without the mean it would be 0 or 255
    dark = np.zeros((1, 280, 280))
    dark[:, 100:180, 100:180] = 1
    small = Dataset.from_arrays(dark, [0], size=(28, 28)).images[0]
    assert small[14, 14] == 255
    assert small[:8].max() == small[:, 21:].max() == 0  # nothing rings
    same = RNG.integers(0, 256, (2, 5, 5), np.uint8)
    assert np.array_equal(Dataset.from_arrays(same, [0, 1], size=(5, 5)).images, same)


@pytest.mark.parametrize(
    ("labels", "numbers", "classes"),
    [
        ([0, 1, 2, 1], [0, 1, 2, 1], ("0", "1", "2")),
        ([7, 3, 3, 7], [1, 0, 0, 1], ("3", "7")),
        ([0, 7, 7, 0], [0, 1, 1, 0], ("0", "7")),
        ([1000, 20, 3, 20], [2, 1, 0, 1], ("3", "20", "1000")),
        (["dog", "cat", "cow", "cat"], [2, 0, 1, 0], ("cat", "cow", "dog")),
        (np.array(["b", "a", "b", "b"], object), [1, 0, 1, 1], ("a", "b")),
    ],
)
def test_labels_become_numbers_and_keep_their_names(labels, numbers, classes):
    data = Dataset.from_arrays(np.zeros((4, 2, 2)), labels)
    assert (data.labels.tolist(), data.classes, data.n_classes) == (numbers, classes, len(classes))


def test_classes_of_the_data_sets_that_come_with_names():
    assert load("digits", "test").head(3).classes == tuple("0123456789")
    assert load("digits", "test").n_classes == 10


def test_classes_of_a_file(tmp_path):
    path, images = tmp_path / "own.npz", np.zeros((4, 5, 5), np.uint8)
    np.savez(path, images=images, labels=[0, 2, 2, 0], classes=["ant", "bee", "fly"])
    named = load(str(path), "train")
    assert (named.classes, named.labels.tolist()) == (("ant", "bee", "fly"), [0, 2, 2, 0])
    assert named.only("fly", "ant").classes == ("ant", "fly")
    np.savez(path, images=images, labels=["fly", "ant", "ant", "bee"])
    assert load(str(path), "train").labels.tolist() == [2, 0, 0, 1]
    np.savez(path, images=images, labels=[0, 2, 2, 0])  # names are not in the digest
    assert load(str(path), "train").digest == named.digest


# Choosing classes


def test_only_some_classes():
    whole = load("digits", "train")
    two = whole.only(7, "3")
    chosen = np.isin(whole.labels, [3, 7])
    assert two.classes == ("3", "7")
    assert np.array_equal(two.images, whole.images[chosen])
    assert np.array_equal(two.labels, whole.labels[chosen] == 7)
    assert two.digest == Dataset.from_arrays(two.images, two.labels).digest != whole.digest
    assert two.only("7", "3") is two
    assert whole.only(*range(10)) is whole
    assert two.head(5).classes == ("3", "7")
    with pytest.raises(DiehlCookError, match=r"only\(3, 4\): no class '4' in digits; choose from 3, 7"):
        two.only(3, 4)
    with pytest.raises(DiehlCookError, match="no image of class 9 in the train part"):
        whole.head(5).only(0, 9)


def test_classes_are_the_same_by_their_names():
    part = Dataset.from_arrays(np.arange(12).reshape(3, 2, 2), ["dog", "bee", "dog"])
    whole = part.numbered_as(("ant", "bee", "cow", "dog"))
    assert whole.labels.tolist() == [3, 1, 3]
    assert whole.digest != part.digest
    fewer = whole.numbered_as(("dog", "ant"))
    assert (fewer.labels.tolist(), len(fewer.images)) == ([0, 0], 2)
    digits = load("digits", "test")
    more = digits.numbered_as((*digits.classes, "ten"))
    assert (more.n_classes, more.digest) == (11, digits.digest)


# Runs


@pytest.fixture(scope="module")
def two(tmp_path_factory, without_raster):
    """A run on two classes, made by the command line; its neurons have learned to take turns."""
    folder = tmp_path_factory.mktemp("two") / "run"
    common = ["--run", str(folder), "--engine", "fused", "-q"]
    images = ["--dataset", "digits", "--classes", "7,3", "--samples", "60", "--set", "theta_plus=0.5 mV"]
    assert main(["train", *common, "--preset", "smoke", *images]) == 0
    assert main(["observe", *common, "--samples", "60", "--jobs", "1"]) == 0
    assert main(["test", *common, "--samples", "50", "--jobs", "1"]) == 0
    return folder


def test_a_run_on_two_classes_has_two_everywhere(two, tmp_path, capsys, monkeypatch):
    run = load_run(two)
    assert [run.facts[phase]["classes"] for phase in ("train", "observe", "test")] == [["3", "7"]] * 3
    chosen = load("digits", "train").only(3, 7).head(60)
    assert run.facts["train"]["data"]["sha256"] == run.facts["observe"]["data"]["sha256"] == chosen.digest
    assert np.array_equal(run.load("train_history")["label"], chosen.labels)
    assert len(run.facts["observe"]["neurons_per_class"]) == 2
    assert run.load("confusion").shape == (2, 2)
    assert set(run.assignments().tolist()) <= {-1, 0, 1}
    assert "chance is " in str(run.facts["test"]["health"])
    copy = shutil.copytree(two, tmp_path / "run")
    assert (
        main(["test", "--run", str(copy), "--samples", "50", "--jobs", "1", "--engine", "fused", "--force"])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:] for line in lines if line.startswith("  class ")] == [["3", "7"]]
    monkeypatch.setattr("diehlcook.phases.report.figures", lambda _: [])  # below
    assert main(["report", "--run", str(copy)]) == 0
    page = (copy / "report.html").read_text()
    rows = re.search(r'<h2 id="classes">Classes</h2>.*?</table>', page, re.DOTALL)[0]
    assert re.findall(r"<tr><td>(.*?)</td>", rows) == ["3", "7"]
    shown = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert shown["classes"] == ["3", "7"]
    assert {label for one in shown["neurons"] for _, label, _ in one["best"]} == {0, 1}
    found = ladder(load_run(copy), names=["naive-bayes"])
    assert (found["images"], set(found["readouts"])) == (50, {"assignment", "naive-bayes"})


def test_figures_have_the_names(two):
    source = catalogue.Source(run := load_run(two), read_evidence(run))
    matrix = catalogue.confusion_of_test(source)
    assert [tick.get_text() for tick in matrix.get_yticklabels()] == ["3", "7"]
    chart = catalogue.labels_of_neurons(source)
    assert [tick.get_text() for tick in chart.axes[1].get_yticklabels()][:2] == ["3", "7"]
    fields = {text.get_text() for text in catalogue.fields_by_label(source).texts}
    assert {text for text in fields if len(text) == 1} == {"3", "7"}
    assert {text.get_text() for text in catalogue.misclassified_of_test(source).axes[0].texts} <= {
        f"{true}→{other}" for true, other in ("37", "73", "3—", "7—")
    }


def test_names_are_drawn_as_they_are():
    matrix = figures.confusion_matrix([[3, 1], [0, 2]], classes=["cat", "$5"], class_sizes=[5, 2])
    assert [tick.get_text() for tick in matrix.get_xticklabels()] == ["cat", r"\$5", "none"]
    assert [tick.get_text() for tick in matrix.get_yticklabels()] == ["cat", r"\$5"]
    chart = figures.label_map([0, 1, 1, -1], n_classes=2, class_names=["cat", "dog"])
    assert [tick.get_text() for tick in chart.axes[1].get_yticklabels()] == ["cat", "dog", "none"]
    assert health.labelling([0, 3], [0, 1], 3, ["cat", "dog"]).measured == "no neuron for class cat"


def line_of(capsys, *arguments):
    assert main([*map(str, arguments)]) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_other_classes_than_those_of_the_run_are_refused(two, capsys):
    before = {path: path.read_bytes() for path in two.rglob("*") if path.is_file()}
    for phase in ("observe", "test"):
        line = line_of(capsys, phase, "--run", two, "--classes", "3,4", "--force")
        assert "--classes 3,4: the classes of" in line
        assert "are 3, 7" in line
    run, digits = load_run(two), load("digits", "train").head(40)
    with pytest.raises(
        DiehlCookError, match=r"images of 0, 1, 2.*leave them out with only\('3', '7'\)"
    ) as error:
        observe(run, digits, force=True)
    assert error.value.typed.endswith("leave them out with --classes 3,7")
    with pytest.raises(DiehlCookError, match=r"images of cat, dog.*train a network with them"):
        judge(run, (digits.images[:2], ["cat", "dog"]), force=True)
    line = line_of(capsys, "train", "--run", two, "--classes", "3,4", "--samples", "60", "--resume")
    assert "cannot resume with data" in line
    assert before == {path: path.read_bytes() for path in two.rglob("*") if path.is_file()}


def test_a_training_goes_on_with_its_classes(two, tmp_path, capsys):
    copy = shutil.copytree(two, tmp_path / "run")
    more = ["--run", str(copy), "--resume", "--epochs", "2", "--engine", "fused", "-q"]
    assert main(["train", *more]) == 0
    assert load_run(copy).facts["train"]["classes"] == ["3", "7"]
    assert len(load_run(copy).load("train_history")) == 120


def test_runs_of_earlier_versions_have_numbers_for_names(two, tmp_path):
    copy = shutil.copytree(two, tmp_path / "run")
    facts = json.loads((copy / "run.json").read_text())
    for phase in ("train", "observe", "test"):
        del facts[phase]["classes"]
    (copy / "run.json").write_text(json.dumps(facts))
    run = load_run(copy)
    assert (run.classes(), run.classes("observe")) == (("0", "1"), None)
    facts["observe"]["classes"] = ["3", "7", "9"]
    (copy / "run.json").write_text(json.dumps(facts))
    with pytest.raises(DiehlCookError, match=r"observe\.classes is .*expected a list of 2"):
        load_run(copy)


def test_pairs_of_arrays_go_through_all_phases(tmp_path, without_raster):
    """A test part that lacks a class, and names the others, is judged by their names."""
    digits = load("digits", "train").only(0, 1, 2).head(60)
    names = np.array(["zero", "one", "two"])[digits.labels]
    run = train(tmp_path / "run", (digits.images / 255, names), load_preset("smoke"), engine="fused")
    observe(run, (digits.images, names), engine="fused")
    assert run.classes() == ("one", "two", "zero")
    last = names[30:] != "one"
    facts = judge(run, (digits.images[30:][last], names[30:][last]), engine="fused")
    assert facts["data"]["split"] == "test"
    assert facts["class_sizes"][0] == 0
    expected = readout.predict(run.load("test_counts"), run.assignments(), 3).labels
    right = np.array(run.classes())[expected] == names[30:][last]
    assert facts["accuracy"] == pytest.approx((right & (expected >= 0)).mean(), abs=1e-6)
    with pytest.raises(DiehlCookError, match="arrays that came from Python are kept nowhere"):
        datasets.load(run.dataset, "train")


# Pictures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of pictures: what each shows, and as which grey levels (28, 28)."""
    folder = tmp_path_factory.mktemp("pictures")
    digits = load("digits", "test").only(3, 7).images
    Image.fromarray(digits[0]).save(folder / "plain.png")
    Image.fromarray(255 - digits[0]).save(folder / "paper.png")
    Image.fromarray(digits[0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(digits[0].astype(np.int32)).save(folder / "wide.tiff")
    Image.fromarray(digits[0].astype(np.float32) / 255).save(folder / "real.tiff")
    Image.fromarray(digits[0].astype(np.float32)).save(folder / "unreal.tiff")
    frames = [Image.fromarray(one) for one in digits[:2]]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.dstack([np.repeat(digits[0], 2, 0).repeat(2, 1)] * 3)).save(folder / "large.png")
    np.savez(folder / "many.npz", images=digits[:30] / 255)
    np.save(folder / "black.npy", np.zeros((28, 28)))
    return folder


def answers(capsys, run, *arguments):
    """Return what the command says as JSON, and its lines on stderr."""
    assert main(["predict", "--run", str(run), "--json", *map(str, arguments)]) == 0
    said = capsys.readouterr()
    return json.loads(said.out)["pictures"], said.err


def test_a_picture_is_the_same_in_every_file(two, pictures, capsys, caplog):
    caplog.set_level(logging.INFO)
    expected = predict(two, load("digits", "test").only(3, 7).images[:1], engine="fused")
    for name in ("plain.png", "deep.png", "wide.tiff", "real.tiff", "moving.gif", "large.png"):
        (one,), _ = answers(capsys, two, pictures / name)
        assert one["picture"] == name
        assert one["class"] == ["3", "7"][expected.labels[0]]
        assert one["spikes"] == expected.counts.sum() or name == "large.png"
        assert 1 <= len(one["neurons"]) <= 3
        most = np.argsort(-expected.counts[0].astype(int), kind="stable")[: len(one["neurons"])]
        if name != "large.png":
            assert [n["neuron"] for n in one["neurons"]] == most.tolist()
    assert main(["predict", "--run", str(two), str(pictures / "unreal.tiff")]) == 1
    assert "unreal.tiff: its grey levels: values 0.0 to" in capsys.readouterr().err
    assert "large.png: 56 x 56 pixels, colour; turned to grey and resized to 28 x 28" in caplog.messages
    assert "moving.gif: 28 x 28 pixels, colour, the first of 2 frames; turned to grey" in caplog.messages


def test_one_image_may_come_in_many_shapes(two):
    image = load("digits", "test").only(3, 7).images[0]
    one = predict(two, image[np.newaxis], engine="fused").counts
    assert one.any()
    coloured = np.dstack([image] * 3)
    for same in (image, image.ravel(), image.reshape(1, 784), image / 255, coloured, coloured[np.newaxis]):
        assert np.array_equal(predict(two, same, engine="fused").counts, one)
    large = image.repeat(2, 0).repeat(2, 1)
    assert predict(two, large, size=(28, 28), engine="fused").labels.shape == (1,)
    with pytest.raises(DiehlCookError, match=r"3136 pixels \(56 x 56\).*size=\(28, 28\)"):
        predict(two, large[np.newaxis], engine="fused")


def test_ink_that_is_inverted_is_told_and_mended(two, pictures, capsys, caplog):
    plain, said = answers(capsys, two, pictures / "plain.png")
    assert "dark on a bright" not in said + caplog.text
    inverted, _ = answers(capsys, two, pictures / "paper.png")
    assert "paper.png: dark on a bright background" in caplog.text
    assert inverted[0]["spikes"] != plain[0]["spikes"]
    caplog.clear()
    mended, _ = answers(capsys, two, pictures / "paper.png", "--invert")
    assert mended == [plain[0] | {"picture": "paper.png"}]
    assert "dark on" not in caplog.text
    predict(two, pictures / "plain.png", invert=True, engine="fused")
    assert "leave invert=True (--invert) out" in caplog.text
    caplog.clear()
    predict(two, np.full((2, 28, 28), 255, np.uint8), engine="fused")
    assert "image 0, image 1: blank, all pixels are alike" in caplog.text


def test_scores_are_shares_of_the_mean_counts(two, pictures, capsys):
    found, _ = answers(capsys, two, pictures / "many.npz", pictures / "black.npy")
    neurons = load_run(two).assignments()
    counts = predict(two, [pictures / "many.npz", pictures / "black.npy"], engine="fused").counts
    means = np.stack([counts[:, neurons == k].mean(axis=1) for k in (0, 1)], axis=1)
    assert found[-1] == {
        "picture": "black.npy[0]", "class": None, "score": 0.0, "spikes": 0, "neurons": [],
    }  # fmt: skip
    for one, mean in zip(found[:30], means[:30], strict=True):
        assert one["class"] == ("3" if mean[0] >= mean[1] else "7")
        assert one["score"] == pytest.approx(mean.max() / mean.sum(), abs=1e-4)


def test_many_pictures_do_not_flood(two, pictures, capsys):
    assert main(["predict", "--run", str(two), str(pictures / "many.npz"), str(pictures / "black.npy")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 20 + 1 + 3
    assert lines[21] == "and 11 more; of all 31:"
    assert [line.split()[0] for line in lines[22:]] == ["3", "7", "silent"]
    assert sum(int(line.split()[1]) for line in lines[22:]) == 31


def test_other_readouts_answer_too(two, pictures, capsys):
    for name in ("naive-bayes", "most-active", "all-proportions"):
        found, _ = answers(capsys, two, "--readout", name, pictures / "many.npz")
        counts = predict(two, pictures / "many.npz", readout=name, engine="fused")
        assert [one["class"] for one in found] == [["3", "7"][k] for k in counts.labels]
        assert all(0.5 <= one["score"] <= 1 for one in found)
