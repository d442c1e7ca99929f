"""The documentation keeps up with the code: every warning has its code, its condition and its section."""

import ast
import dataclasses
import re
import sys
from pathlib import Path

import ddip_tf
from ddip_tf import cli, methods
from ddip_tf.caution import CODES, UNCODED
from ddip_tf.config import FitConfig

PACKAGE = Path(ddip_tf.__file__).parent
DOCS = PACKAGE.parent / "docs"


def written(node: ast.AST) -> list[str]:
    """Texts of a string in the code, with … for what is filled in; both of a choice of two."""
    if isinstance(node, ast.IfExp):
        return written(node.body) + written(node.orelse)
    if not isinstance(node, ast.JoinedStr | ast.Constant):
        return []
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return ["".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)]


def made(tree: ast.Module) -> list[tuple[str, str]]:
    """(code, text) of every Caution that a module makes; a text that has a name is the one it was last given."""
    found = []
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        named: dict[str, list[tuple[int, ast.AST]]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                named.setdefault(node.targets[0].id, []).append((node.lineno, node.value))
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Caution" and len(node.args) > 1:
                code, text = node.args[:2]
                if isinstance(text, ast.Name) and text.id in named:
                    text = max(given for given in named[text.id] if given[0] < node.lineno)[1]
                if isinstance(code, ast.Constant):
                    found += [(code.value, one) for one in written(text)]
    return found


def sections() -> dict[str, tuple[str, list[str]]]:
    """Of each code in docs/warnings.md: its condition, the first paragraph, and its sentences, the quotations."""
    parts = re.split(r"^### `(.*)`$", (DOCS / "warnings.md").read_text(), flags=re.M)
    found = {}
    for code, text in zip(parts[1::2], parts[2::2], strict=True):
        paragraphs = [" ".join(paragraph.split("\n")) for paragraph in text.strip().split("\n\n")]
        quotations = [one.removeprefix("> ").replace(" > ", " ") for one in paragraphs if one.startswith("> ")]
        found[code] = paragraphs[0], quotations
    return found


MADE = [pair for file in PACKAGE.rglob("*.py") for pair in made(ast.parse(file.read_text()))]


def test_code_table_and_documentation_have_the_same_codes():
    assert {code for code, _ in MADE} | {UNCODED} == set(CODES) == set(sections())
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in CODES)


def test_every_section_begins_with_the_condition_of_the_table():
    assert {code: condition for code, (condition, _) in sections().items()} == dict(CODES)


def test_every_section_has_the_sentences_of_the_code_and_no_others():
    said = {code: sorted(quotations) for code, (_, quotations) in sections().items()}
    assert said == {code: sorted({text for one, text in MADE if one == code}) for code in CODES}


def test_no_warning_is_without_a_code():
    """Who hands on warnings makes none of plain text."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "warnings":
                texts = [one for part in ast.walk(node.value) for one in written(part)]
                calls = [part for part in ast.walk(node.value) if isinstance(part, ast.Call)]
                assert not texts or any(getattr(call.func, "id", "") == "Caution" for call in calls), file


def test_every_mixing_and_prior_is_explained():
    pages = "".join((DOCS / name).read_text() for name in ("mixing.md", "separation.md"))
    for name in (*methods.MIXINGS, *methods.PRIORS):
        assert re.search(rf"`(--mixing |--prior )?{name}`|\| \**{name}\b", pages), name


def test_pages_from_the_code_have_every_setting_and_every_option():
    sys.path.insert(0, str(DOCS))
    import generated

    settings, commands = generated.settings(), generated.commands()
    for f in dataclasses.fields(FitConfig):
        assert re.search(rf"^\| `{f.name}` \| `", settings, re.M), f.name
    assert "| `epochs` | `2000` | `10000` | `--epochs` |" in settings
    for name, command in cli.cli.commands.items():
        section = commands.split(f"## {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(flag in section for flag in parameter.opts), (name, parameter.opts)
    page = ["# All settings\n"]
    generated.append(None, "settings", page)
    assert page[0].endswith(settings)


def test_the_site_asks_no_other_host_for_its_mathematics():
    assert "sphinx-mathjax-offline" in (DOCS / "conf.py").read_text()
