"""Templates of ``page/`` filled in: one HTML file with its style, scripts, data and pictures, which needs no other."""

from __future__ import annotations

from importlib import resources
from typing import Any


def render(template: str, *, name: str, summary: list[str], data: dict[str, Any], **contents: Any) -> str:
    """The page that ``template`` makes, headed by ``name`` and ``summary``; ``data`` is what its scripts read."""
    import jinja2
    import markupsafe

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ddip_tf.report", "page"),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    known = {"name": name, "summary": summary, "data": data, "source": lambda file: markupsafe.Markup(source(file))}
    return environment.get_template(template).render(**known, **contents)


def source(name: str) -> str:
    """The text of the file ``name`` in ``page/``: style and scripts, the package's own."""
    return resources.files("ddip_tf.report").joinpath("page", name).read_text(encoding="utf-8")
