"""The documentation keeps up with the code: every warning has its entry."""

import ast
import re
from pathlib import Path

import ddip_tf
from ddip_tf import methods

PACKAGE = Path(ddip_tf.__file__).parent
DOCS = PACKAGE.parent / "docs"

#: where the sentences are made that end in a manifest's `warnings` or are printed after "Warning:"; None: all functions
MAKERS = {
    "quality/checks": None,
    "slices/outliers": {"replaced"},
    "transfer/estimate": {"choose_normalisation", "estimate_transfer", "doubts"},
    "transfer/guides": {"related"},
    "archive/repeats": {"_manifest"},
    "archive/export": {"_pages"},
}
#: what tells a sentence from a word, and a warning from an error
SENTENCE = re.compile(r"\w+ \w+.* \w+")


def sentences(module: str, functions: set[str] | None) -> list[str]:
    """Texts in the code of a module with … for what is filled in; not docstrings, not what is raised."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    found = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Raise | ast.Expr) and not isinstance(getattr(node, "value", None), ast.Call):
            return
        if isinstance(node, ast.JoinedStr | ast.Constant):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)
            if SENTENCE.search(text):
                found.append(text)
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and (functions is None or node.name in functions):
            visit(node)
    return found


def headings() -> list[str]:
    return re.findall(r"^### `(.*)`$", (DOCS / "warnings.md").read_text(), re.M)


#: in the makers, but no warnings: what is filled into one, and the rule of a mean
PARTS = {"one pixel (y …, x …)", "… pixels, the first at y …, x …,", "mean over runs"}


def test_every_warning_has_an_entry_and_every_entry_a_warning():
    made = [text for module, functions in MAKERS.items() for text in sentences(module, functions)]
    entries = headings()
    assert set(made) >= PARTS
    warnings = [text.removeprefix("…") for text in made if text not in PARTS]
    assert len(warnings) >= 15
    assert [text for text in warnings if not any(text in entry for entry in entries)] == []
    assert [entry for entry in entries if not any(text in entry[: len(text) + 1] for text in warnings)] == []


def test_warnings_are_made_nowhere_else():
    passed_on = {f"training/{name}" for name in ("fitting", "coupled_fit", "transfer_fit")}
    for file in PACKAGE.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        if any(keyword.arg == "warnings" for call in calls for keyword in call.keywords):
            assert file.relative_to(PACKAGE).with_suffix("").as_posix() in MAKERS.keys() | passed_on


def test_every_mixing_and_prior_is_explained():
    pages = "".join((DOCS / name).read_text() for name in ("mixing.md", "separation.md"))
    for name in (*methods.MIXINGS, *methods.PRIORS):
        assert re.search(rf"`(--mixing |--prior )?{name}`|\| \**{name}\b", pages), name
