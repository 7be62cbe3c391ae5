"""One self-contained HTML page about a run of a companion: what run.json says, its constants, its figures; see companion.html."""

from __future__ import annotations

import argparse
import importlib
import logging
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from ...errors import DiehlCookError
from ...model.constants import Constants
from ...phases.page import check_page, embedded, write_page
from ...phases.parameters import rows
from ...phases.redo import command, versions
from ...runs.files import load_json
from .. import COMPANIONS
from .run import clear_litter

log = logging.getLogger(__name__)

NOT_TOLD = ("schema", "versions", "companion", "params", "sources", "finished")
"""Entries of run.json that are shown elsewhere on the page, or say nothing to a reader."""

MOST = 12
"""Values of a list that are shown; of more only how many there are, and from where to where they go."""

DAMAGED = (AttributeError, DiehlCookError, IndexError, KeyError, RecursionError, TypeError, ValueError)
"""What reading a run.json raises that is not as its companion has written it."""


class Told(NamedTuple):
    """What run.json says, for the page."""

    facts: list[tuple[str, str]]
    """Names and values."""
    tables: list[tuple[str, list[str], list[list[str]]]]
    """Of each list of entries its name, the heads of its columns, and its rows."""


def report(folder: Path, path: Path | None = None) -> Path:
    """Write one HTML page about a run of a companion.

    Parameters
    ----------
    folder
        Of the run.
    path
        The file to write; by default report.html in `folder`.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    DiehlCookError
        There is no run of a companion in `folder`, it is damaged, or the page cannot be written.
    """
    about, path = folder / "run.json", path or folder / "report.html"
    check_page(path)
    content = load_json(about)
    name = str(content.get("companion"))
    if name not in COMPANIONS:
        raise DiehlCookError(f"{about}: of no companion that this version has; name another folder")
    own = importlib.import_module(f"diehlcook.companions.{name}.command")
    try:
        defaults, constants = constants_of(own, content)
        differing = constants.differences(defaults)
        page = {
            "title": f"companion {name}, seed {content['seed']}",
            "subtitle": f"{COMPANIONS[name]} · {folder.resolve().name} · page of {time.strftime('%Y-%m-%d')}",
            "sentences": list(outcome(own, content, folder)),
            "told": told(content),
            "own": rows(constants, differing, defaults),
            "others": rows(constants, [one for one in constants.table() if one not in differing]),
            "command": again(own, name, folder, constants, content),
            "versions": list(versions(content["versions"])),
        }
    except DAMAGED as error:
        words = str(error) if isinstance(error, DiehlCookError) else f"{type(error).__name__}: {error}"
        wrong = f"not as the companion {name} writes it ({words[:200]})"
        raise DiehlCookError(f"{about}: {wrong}; restore it, or run the companion again") from None
    clear_litter(folder)
    write_page(path, "companion.html", figures=list(figures(folder)), **page)
    return path


def constants_of(own: Any, content: Mapping[str, Any]) -> tuple[Constants, Constants]:
    """Return the constants that a companion (its `command`) has without options, and those of a run."""
    defaults: Constants = resolved(own, {})
    values = {**getattr(own, "LATER", {}), **content["params"]}
    return defaults, defaults.with_values(values, dict(content.get("sources", {})))


def resolved(own: Any, settings: Mapping[str, str]) -> Any:
    """Return the constants that a companion has with these ``--set``, and without other options."""
    parser = argparse.ArgumentParser()
    own.add_arguments(parser)
    return own.resolve(parser.parse_args([]), dict(settings))


def again(own: Any, name: str, folder: Path, constants: Constants, content: Mapping[str, Any]) -> str:
    """Return the command that does a run once more, in a folder beside its own."""
    settings: dict[str, str] = {}
    for _ in range(2):  # some constants follow from others, unless they are given
        settings |= {one: here for one, (here, _) in constants.differences(resolved(own, settings)).items()}
    changed = [word for one, value in settings.items() for word in ("--set", f"{one}={value}")]
    place = ("--run", f"{folder.resolve().name}-again", "--seed", str(content["seed"]))
    return command("companion", name, *place, *own.again(content), *changed)


def outcome(own: Any, content: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield what came out, in the words of the companion; of an unfinished run only that."""
    if not content.get("finished", True) or "date" not in content:
        yield "The run is not finished."
        return
    for line in own.sentences({**content, "run": folder.resolve().name}):
        yield line.strip()


def told(content: Mapping[str, Any]) -> Told:
    """Return what run.json says, as rows of names and values, and as tables where it lists several entries."""
    facts, tables = [], []
    for names, value in flat({name: one for name, one in content.items() if name not in NOT_TOLD}):
        what = re.sub(r"\bwall s$", "wall time (s)", ", ".join(names).replace("_", " "))
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            heads = list(dict.fromkeys(name for one in value for name in one))
            cells = [[in_words(one.get(name, "")) for name in heads] for one in value]
            tables.append((what, [name.replace("_", " ") for name in heads], cells))
        else:
            facts.append((what, in_words(value)))
    return Told(facts, tables)


def flat(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values of nested tables with the names that lead to them."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from flat(value, (*above, str(name)))
        else:
            yield (*above, str(name)), value


def in_words(value: Any) -> str:
    """Return a value of run.json for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if not isinstance(value, list):
        return str(value)
    if not value:
        return "none"
    if isinstance(value[0], list):
        return "; ".join(map(in_words, value[:MOST])) + (f"; … {len(value)} in all" if value[MOST:] else "")
    if len(value) > MOST:
        return f"{len(value)} values, from {in_words(min(value))} to {in_words(max(value))}"
    return ", ".join(map(in_words, value))


def figures(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield caption and picture, as a data URI, of every figure that a run has drawn."""
    for path in sorted((folder / "figures").glob("*.png")):
        try:
            with Image.open(path, formats=("PNG",)) as image:
                yield path.stem.replace("_", " "), embedded(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            log.warning("%s is left out: not a picture that can be read (%s)", path, error)
