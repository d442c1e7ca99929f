"""All pictures that ship, and saved_models/example, made again by the program as it is now.

    python tools/pictures.py                      # all of them; `make pictures` does it
    python tools/pictures.py --only demo,page     # these
    python tools/pictures.py --into OUT           # a look: into OUT, laid out as the repository, which stays as it is

What needs Chromium, napari or pty-chi is left out where that is not there, with a line that says so, and the exit code
is 2. In order, with about the minutes they take on two cores: example (¼), demo, page, architecture (¼), gamma (15),
terminal (1), napari (¼), second_pass (15), fresh (15), spacing (30).
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
DEMO = [str(ROOT / f"ddip_tf/demo_data/slice{number}.tif") for number in (1, 2)]
DDIP = [sys.executable, "-m", "ddip_tf"]
#: what the example has not: its page is 1 MB, and `ddip-tf report` makes it; the log is of one machine and hour
NOT_SHIPPED = ("report.html", "checkpoints", "log.txt")
#: docs/separation.md: names, samples, distances in metres and seeds of its pairs
FRESH = (("discs_particle", 30e-6, 101), ("cells_discs", 20e-6, 102), ("fibres_particle", 10e-6, 103))
DISTANCES = (1e-6, 3e-6, 6e-6, 10e-6, 15e-6, 20e-6, 30e-6)


def run(*command: str | Path) -> None:
    """A command, from the root of the repository. Raises CalledProcessError where it fails."""
    click.echo("$ " + " ".join(map(str, command)))
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True)


def tool(name: str, *arguments: str | Path) -> None:
    """One of the other tools."""
    run(sys.executable, ROOT / "tools" / f"{name}.py", *arguments)


def example(out: Path) -> None:
    """saved_models/example: the run folder of ``ddip-tf demo``."""
    folder = out / "saved_models/example"
    with tempfile.TemporaryDirectory() as aside:
        made = Path(aside) / "demo"
        run(*DDIP, "demo", "-o", made, "--progress", "none")
        run(*DDIP, "regenerate", made, "--check")
        for name in NOT_SHIPPED:
            path = made / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(made, folder)


def demo(out: Path) -> None:
    """docs/demo.png: the preview of the example."""
    shutil.copy(_example(out) / "preview.png", out / "docs/demo.png")


def page(out: Path) -> None:
    """docs/page_dark.png and page_narrow.png: the page of the example, a slider, wide and dark; narrow and light."""
    with tempfile.TemporaryDirectory() as aside:
        copy = shutil.copytree(_example(out), Path(aside) / "demo")
        run(*DDIP, "report", copy)
        address = (copy / "report.html").as_uri()
        slider = "document.querySelector('[value=slider]').click()"
        _photograph(address, out / "docs/page_dark.png", (1280, 1400), "dark", slider)
        _photograph(address, out / "docs/page_narrow.png", (400, 1500), "light")


def architecture(out: Path) -> None:
    """docs/architecture.svg."""
    tool("draw_architecture", out / "docs/architecture.svg")


def gamma(out: Path) -> None:
    """docs/gamma.png: the sweep that docs/mixing.md shows, on a part of the demo pair."""
    with tempfile.TemporaryDirectory() as aside:
        sweep = ("--mixing", "shallow,kernel", "--gamma", "0,0.1,0.4,3", "--epochs", "500", "--crop", "20:132,40:168")
        run(*DDIP, "sweep", *DEMO, "-o", Path(aside) / "sweep", "--preset", "paper", *sweep)
        tool("mixing_pictures", Path(aside) / "sweep", out / "docs/gamma.png")


def terminal(out: Path) -> None:
    """docs/terminal.png: what a terminal shows of a fit under way."""
    with tempfile.TemporaryDirectory() as aside:
        drawn = Path(aside) / "terminal.svg"
        tool("terminal_picture", *DEMO, drawn)
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn.read_text())
        width, height = map(float, box.groups()) if box else (1380, 480)
        _photograph(drawn.as_uri(), out / "docs/terminal.png", (1380, round(1380 * height / width)), "light")


def napari(out: Path) -> None:
    """docs/napari.png: the example and the panel in napari."""
    display = [] if os.environ.get("DISPLAY") else ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24"]
    run(*display, sys.executable, ROOT / "tools/napari_picture.py", _example(out), out / "docs/napari.png")


def second_pass(out: Path) -> None:
    """docs/second_pass.png, as docs/files.md says."""
    with tempfile.TemporaryDirectory() as aside:
        tool("second_pass", aside, "--sample", "discs,particle", "--size", "192", "--epochs", "120", "--seed", "11")
        shutil.copy(Path(aside) / "second_pass.png", out / "docs/second_pass.png")


def fresh(out: Path) -> None:
    """docs/fresh.png: three simulated pairs, every method."""
    with tempfile.TemporaryDirectory() as aside:
        for name, spacing_m, seed in FRESH:
            _simulate(Path(aside) / "pairs" / name, name.replace("_", ","), spacing_m, seed)
        tool("quality", Path(aside) / "pairs", "-o", Path(aside) / "out", "--methods", "input,fastica,transfer")
        shutil.copy(Path(aside) / "out/quality.png", out / "docs/fresh.png")


def spacing(out: Path) -> None:
    """docs/spacing.png: one sample at seven distances."""
    with tempfile.TemporaryDirectory() as aside:
        for spacing_m in DISTANCES:
            _simulate(Path(aside) / "pairs" / f"{spacing_m * 1e6:02.0f}um", "discs,particle", spacing_m, 104)
        methods = ("--methods", "input,transfer", "--spacing")
        tool("quality", Path(aside) / "pairs", "-o", Path(aside) / "out", *methods)
        shutil.copy(Path(aside) / "out/spacing.png", out / "docs/spacing.png")


def _simulate(folder: Path, sample: str, spacing_m: float, seed: int) -> None:
    tool("simulate", folder, "--sample", sample, "--spacing", str(spacing_m), "--seed", str(seed))


def _example(out: Path) -> Path:
    """The example that was made into ``out``, or the one that is there."""
    made = out / "saved_models/example"
    return made if made.exists() else ROOT / "saved_models/example"


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _photograph(address: str, path: Path, size: tuple[int, int], scheme: str, script: str = "") -> None:
    """The top of a page in Chromium, ``size`` (width, height) pixels."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        viewport = {"width": size[0], "height": size[1]}
        tab = browser.new_page(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        tab.goto(address)
        if address.endswith(".html"):
            tab.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
        if script:
            tab.evaluate(script)
        tab.screenshot(path=path)
        browser.close()


def shrink(path: Path) -> None:
    """A PNG again in fewer bytes, without loss: greys as greys, nothing transparent."""
    from PIL import Image

    with Image.open(path) as image:
        colours = image.convert("RGB")
    red, green, blue = (channel.tobytes() for channel in colours.split())
    (colours.convert("L") if red == green == blue else colours).save(path, optimize=True)


NOTHING, CHROMIUM, NAPARI, PTYCHI = "", "playwright and Chromium", "napari, and a display or xvfb-run", "pty-chi"
#: in the order in which they are made, and what each needs beside the package
STEPS: dict[Callable[[Path], None], str] = {
    example: NOTHING,
    demo: NOTHING,
    page: CHROMIUM,
    architecture: NOTHING,
    gamma: NOTHING,
    terminal: CHROMIUM,
    napari: NAPARI,
    second_pass: PTYCHI,
    fresh: PTYCHI,
    spacing: PTYCHI,
}


def there(need: str) -> bool:
    """Whether what a step needs is on this machine."""
    return {
        NOTHING: lambda: True,
        CHROMIUM: lambda: bool(_chromium() and importlib.util.find_spec("playwright")),
        NAPARI: lambda: bool(
            importlib.util.find_spec("napari") and (os.environ.get("DISPLAY") or shutil.which("xvfb-run"))
        ),
        PTYCHI: lambda: bool(importlib.util.find_spec("ptychi")),
    }[need]()


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.option("--only", metavar="NAME,…", help=f"Of {', '.join(step.__name__ for step in STEPS)}.")
@click.option("--into", default=ROOT, type=click.Path(file_okay=False, path_type=Path), help="[the repository]")
def main(only: str | None, into: Path) -> None:
    wanted = only.split(",") if only else [step.__name__ for step in STEPS]
    if unknown := set(wanted) - {step.__name__ for step in STEPS}:
        raise click.UsageError(f"there is no {', '.join(sorted(unknown))}")
    into = into.absolute()
    (into / "docs").mkdir(parents=True, exist_ok=True)
    missing, began = 0, time.time()
    for step, need in STEPS.items():
        if step.__name__ not in wanted:
            continue
        if not there(need):
            missing += 1
            click.echo(f"{step.__name__} is left out: it needs {need}", err=True)
            continue
        step(into)
    for path in (into / "docs").glob("*.png"):
        if path.stat().st_mtime >= began:
            shrink(path)
    if missing:
        raise click.exceptions.Exit(2)


if __name__ == "__main__":
    main()
