"""The documentation site: `make docs`, warnings are errors."""

import sys
from pathlib import Path

from ddip_tf import environment

sys.path.insert(0, str(Path(__file__).parent))
import generated

with environment.quiet():
    import tensorflow  # noqa: F401

project = "ddip-tf"
author = copyright = "the ddip-tf developers"
html_title = "ddip-tf"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
exclude_patterns = ["_build", "examples", "jupyter_execute"]

html_theme = "furo"
html_show_copyright = html_copy_source = html_show_sourcelink = False

myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/whole/test_notebook.py runs it; the page shows what it printed

default_role = "literal"  # docstrings write `name`
autodoc_typehints = "none"  # the signature says it; docstrings say shapes and units
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_inherit_docstrings = False
napoleon_use_ivar = True


def setup(app):  # type: ignore[no-untyped-def]
    app.connect("source-read", generated.append)
