"""docs/architecture.md and its picture say what the code is now."""

import ast
import re
import sys
from pathlib import Path

import pytest
from rooms import PACKAGE

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import draw_architecture

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
#: where something stands
PLACES = [
    path for folder in ("ddip_tf", "tests", "tools", "docs") for path in (ROOT / folder, *(ROOT / folder).rglob("*"))
]


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under a heading of the page, without the table's own head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in table[2:]]


def defined(file: Path) -> set[str]:
    """Names that a module defines at its top."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_the_picture_is_what_the_imports_are_now():
    drawn = (ROOT / "docs/architecture.svg").read_text(encoding="utf-8")
    assert drawn == draw_architecture.draw(), "run: python tools/draw_architecture.py docs/architecture.svg"


def test_a_slice_goes_the_way_of_the_data_through_functions_that_are_there():
    way = rows("The way of a slice")
    assert [step for step, *_ in way if step] == [
        *("files", "stack", "normalise", "fit", "result", "archive", "regenerate", "report")
    ]
    for _, module, name, _ in way:
        assert name.strip("`") in defined(ROOT / module.strip("`")), module


QUESTIONS = rows("Where do I put …")


def test_the_questions_that_are_asked_have_an_answer():
    asked = {"reader", "prior", "mixing", "warning", "figure", "flag", "speed-up", "test", "tool"}
    assert asked <= {what.split(",")[0] for what, *_ in QUESTIONS}


@pytest.mark.parametrize(("what", "place"), [(what, place) for what, place, _ in QUESTIONS])
def test_an_answer_is_one_place_that_exists(what, place):
    assert re.fullmatch(r"`[\w/.]+`", place)
    path = ROOT / place.strip("`")
    assert path.is_dir() if place.endswith("/`") else path.is_file()


@pytest.mark.parametrize(("what", "place"), [(what, place) for what, place, _ in QUESTIONS])
def test_an_answer_is_found_by_name_in_a_listing(what, place):
    """Who lists the folders for what is to be added, reads it in the name of its place."""
    assert any(word in place for word in re.findall(r"\w{3,}", what))


def test_all_that_the_page_names_exists():
    spans = set(re.findall(r"`([^`]+)`", PAGE))
    paths = {span for span in spans if re.fullmatch(r"[\w/.]*(/|\.(py|md|svg))", span)} - {"CONTRIBUTING.md"}
    there = [f"/{path.relative_to(ROOT).as_posix()}{'/' if path.is_dir() else ''}" for path in PLACES]
    assert [span for span in paths if not any(path.endswith(f"/{span}") for path in there)] == []
    names = {span for span in spans if span.isidentifier()}
    assert names - set().union(*map(defined, PACKAGE.rglob("*.py"))) == set()
    assert len(paths) > 30
    assert len(names) > 15
