"""Pages of the site that are made from the code when it is built: all settings, all commands with their options."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from ddip_tf import cli, methods
from ddip_tf.config import FitConfig, kinds


def settings() -> str:
    """Markdown: a row for every field of `FitConfig`."""
    rows = ["| setting | default | with the paper's mixings | flag | what |", "| --- | --- | --- | --- | --- |"]
    for f in dataclasses.fields(FitConfig):
        paper = f"`{_said(methods.PAPER[f.name])}`" if f.name in methods.PAPER else ""
        flag = f"`--{f.name.replace('_', '-')}`" if f.metadata.get("flag", True) else "–"
        kind = (
            " or ".join(f"`{choice}`" for choice in f.metadata.get("choices", ())) or kinds(FitConfig)[f.name].__name__
        )
        cells = (f"`{f.name}`", f"`{_said(f.default)}`", paper, flag, f"{_cell(f.metadata['doc'])} ({kind})")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def commands() -> str:
    """Markdown: a section for every command, with its help and a row for every option."""
    parts = []
    for name, command in cli.cli.commands.items():
        context = click.Context(command, info_name=f"ddip-tf {name}", help_option_names=["-h", "--help"])
        lines = [f"## {name}", f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```"]
        paragraphs = (command.help or "").split("\b\n")
        lines += [" ".join(paragraphs[0].split())]
        lines += [f"```text\n{text.rstrip()}\n```" for text in paragraphs[1:]]
        rows = [record for option in command.get_params(context) if (record := option.get_help_record(context))]
        lines += ["| option | what |\n| --- | --- |\n" + "\n".join(f"| `{_cell(a)}` | {_cell(b)} |" for a, b in rows)]
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts) + "\n"


#: what is put after the text of a page, by its name
PAGES = {"settings": settings, "commands": commands}


def append(app: Any, page: str, source: list[str]) -> None:
    """Sphinx's ``source-read``: the generated part after what the page says itself."""
    if page in PAGES:
        source[0] += "\n" + PAGES[page]()


def _said(value: Any) -> str:
    return "null" if value is None else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<") if "`" not in text else text
