"""Pages about runs of companions, and what the commands for networks say of such runs."""

import importlib
import json
import re
import shlex

import pytest
from PIL import Image

from diehlcook.cli import parser
from diehlcook.cli.main import main
from diehlcook.companions import COMPANIONS
from diehlcook.companions.common.report import in_words, report, resolved
from diehlcook.errors import DiehlCookError

VERSIONS = {"diehlcook": "0.1.0", "numpy": "2.0", "platform": "Linux-<x>"}
FINDING = {
    "finding": "weights <vanish>",
    "networks": 2,
    "measured": "1",
    "normal": "2",
    "causes": "3",
    "change": "4",
}
SAYS = {
    "xo": {
        "right": [1.0, 0.5], "wrong": [0.0, 0.25], "no_answer": [0.0, 0.25],
        "right_of_each_network": [[1.0, 0.5], [1.0, 0.5]], "nearest_pattern": [1.0, 1.0],
        "findings": [FINDING], "all_checks": True, "finished": True,
    },
    "masquelier2008": {
        "engine": "fused", "spikes": 40, "latency": 0.0042, "success": True, "hit_rate": 0.98125,
        "found_at": None,
        "false_alarms": 0, "weights_high": 300, "weights_high_in_pattern": 290, "rate": 5.0, "finished": True,
    },
    "mozafari2019": {
        "data": {"name": "digits", "images": 60, "train": "ab", "test": "cd"}, "epochs": 2,
        "validation": {"images": 10, "best_epoch": 1, "best": 0.5},
        "test": {"images": 510, "last": 0.25, "at_best_epoch": 0.5, "maps_that_decide": 3},
    },
}  # fmt: skip
"""What a run.json of each says."""

CHANGED = {
    "xo": {"networks": "2", "n_hidden": "6"},
    "masquelier2008": {"n_pattern": "500", "threshold": "500.0"},
    "mozafari2019": {"maps_1": "10"},
}
"""Constants; in masquelier2008 the threshold would follow from the others, and is what it is without them."""


def make(folder, name, **more):
    """A folder of a run of a companion, with a figure."""
    own = importlib.import_module(f"diehlcook.companions.{name}.command")
    params = resolved(own, {}).with_values(CHANGED[name], {"networks": "user <i>"})
    content = {
        "schema": 1, "versions": VERSIONS, "companion": name, "seed": 7, **SAYS[name],
        "params": dict(params.as_texts()), "sources": dict(params.sources), "wall_s": 3.0,
        "date": "2026-11-26",
    }  # fmt: skip
    (folder / "figures").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(content | more))
    Image.new("RGBA", (60, 30), "red").save(folder / "figures" / "a_figure.png")
    return params


@pytest.fixture(params=COMPANIONS)
def companion(request):
    return request.param


def test_the_page_says_what_run_json_says(tmp_path, companion, capsys):
    params = make(tmp_path / "run", companion)
    assert main(["report", "--run", str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "run" / "report.html")
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"<h1>companion {companion}, seed 7</h1>" in page
    for name in params.table():
        assert f"<code>{name}</code>" in page
    for name, value in CHANGED[companion].items():
        if name != "threshold":
            assert re.search(rf'<code>{name}</code>.*?<td class="value">{value}</td>', page)
    assert '<th scope="row">wall time (s)</th><td>3</td>' in page
    assert "<td>2.0</td>" in page
    assert page.count("<figure>") == page.count('class="enlarge"') == 1
    assert "<figcaption>a figure</figcaption>" in page
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith(("data:image/webp;base64,", "#"))
    listed = re.findall(r'<a href="#(\w+)">([^<]*)</a>', page)
    assert listed == re.findall(r'<h2 id="(\w+)">([^<]*)</h2>', page)


def test_what_came_out_is_in_words_and_in_tables(tmp_path):
    make(tmp_path / "run", "xo")
    page = report(tmp_path / "run").read_text()
    assert "2 networks, clean images 100.0% right" in page
    assert '<th scope="row">right of each network</th><td>1, 0.5; 1, 0.5</td>' in page
    assert "<h3>findings</h3>" in page
    assert "<td>weights &lt;vanish&gt;</td>" in page
    make(tmp_path / "other", "mozafari2019")
    page = report(tmp_path / "other").read_text()
    assert '<th scope="row">test, at best epoch</th><td>0.5</td>' in page


def test_constants_that_an_older_run_lacks_are_what_it_did(tmp_path):
    params = make(tmp_path / "run", "mozafari2019").as_texts()
    assert params["order"] != "file"
    for name in ("order", "dropout_3", "settled", "renewal_3"):
        del params[name]
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"params": params}))
    page = report(tmp_path / "run").read_text()
    command = re.search(r'<pre class="commands">(.*?)</pre>', page)[1]
    assert "--set order=file" in command
    assert "dropout_3" not in command
    assert "settled" not in command


def test_foreign_texts_are_escaped(tmp_path):
    make(tmp_path / "<b>&", "xo")
    page = report(tmp_path / "<b>&").read_text()
    for bad in ("<b>&", "<i>", "<x>", "<vanish>"):
        assert bad not in page
    assert "user &lt;i&gt;" in page


def test_the_command_gives_the_same_constants(tmp_path, companion, monkeypatch):
    params = make(tmp_path / "run", companion)
    page = report(tmp_path / "run").read_text()
    words = shlex.split(re.search(r'<pre class="commands">(.*?)</pre>', page)[1].replace("&#39;", "'"))
    assert words[:3] == ["python", "-m", "diehlcook"]
    args = parser.make_parser().parse_args(words[3:])
    own = importlib.import_module(f"diehlcook.companions.{companion}.command")
    assert own.resolve(args, dict(one.split("=") for one in args.set)) == params
    assert (args.seed, str(args.run)) == (7, "run-again")
    if companion == "mozafari2019":
        assert (args.dataset, args.samples, args.epochs) == ("digits", 60, 2)
    if companion == "masquelier2008":
        assert args.engine == "fused"


def test_doctor_and_others_say_what_it_is_and_who_looks_at_it(tmp_path, companion, capsys):
    make(tmp_path / "run", companion)
    for command in ("doctor", "plot", "observe"):
        assert main([command, "--run", str(tmp_path / "run")]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line == (
            f"diehlcook: {tmp_path / 'run'}: a run of the companion {companion}, not of a network; look at "
            f"it with `python -m diehlcook report --run {tmp_path / 'run'}`, or name another folder"
        )


def test_an_unfinished_run_says_so(tmp_path):
    make(tmp_path / "run", "xo", finished=False)
    page = report(tmp_path / "run").read_text()
    assert "<p>The run is not finished.</p>" in page
    assert "clean images" not in page


def test_a_picture_that_is_none_is_left_out(tmp_path, caplog):
    make(tmp_path / "run", "xo")
    (tmp_path / "run" / "figures" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    assert report(tmp_path / "run").read_text().count("<figure>") == 1
    assert "b.png is left out" in caplog.text


def test_only_our_pages_are_replaced(tmp_path):
    make(tmp_path / "run", "xo")
    report(tmp_path / "run")
    report(tmp_path / "run")
    (tmp_path / "run" / "report.html").write_text("mine")
    with pytest.raises(DiehlCookError, match="no page of this package"):
        report(tmp_path / "run")
    assert (tmp_path / "run" / "report.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), (True, "yes"), (0.123456, "0.1235"), (7, "7"), ([], "none"), ([1.0, 2.5], "1, 2.5"),
        (list(range(13)), "13 values, from 0 to 12"), ([[1], [2]], "1; 2"),
        ([[1]] * 13, "; ".join("1" * 12) + "; … 13 in all"),
    ],
)  # fmt: skip
def test_values_in_words(value, words):
    assert in_words(value) == words
