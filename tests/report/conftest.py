"""Shared by the tests of pages: a run with an edge, and Chromium."""

import shutil

import numpy as np
import pytest
from page_runs import edge_image, with_images

from ddip_tf.report import run_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def edges(run, tmp_path_factory):
    """A run of (90, 121) pixels whose first output is an edge of known width; its input has a ghost of the second."""
    image, _ = edge_image(90, 121)
    y, x = np.mgrid[:90, :121]
    other = 0.05 * np.sin(x / 9) * np.cos(y / 14)
    folder = tmp_path_factory.mktemp("page") / "edges"
    return with_images(
        run,
        folder,
        [image + other, other],
        [image, other],
        warnings=["Slice <b>1</b> & </script> was hardly separated."],
    )


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Open the page of a run, or one that was made; at its end no error on the console, and no network asked."""
    troubles, opened = [], []

    def go(run, width=1280, scheme="light", motion="no-preference"):
        path = run if run.suffix == ".html" else run_page.write(run).absolute()
        viewport = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion=motion)
        opened.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("request", lambda one: troubles.append(one.url) if not one.url.startswith(("file:", "data:")) else None)
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
        return tab

    yield go
    for context in opened:
        context.close()
    assert troubles == []
