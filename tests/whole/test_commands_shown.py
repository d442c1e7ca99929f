"""Every `ddip-tf` command that README and docs show works.

Those in code blocks are run, in order, in one folder of small data; those that train networks for minutes, and those
that other tests run as they stand, are parsed and their settings checked (`ONLY_PARSED`). Commands within a sentence
are parsed. Of `python tools/…` it is checked that the tool and its flags are there, of `make …` the target.
"""

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
import tifffile

from ddip_tf import cli
from ddip_tf.commands.settings import settings_from
from ddip_tf.commands.sweep import grid

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: what a command holds that is not run here, and why
ONLY_PARSED = {
    "--preset paper": "10,000 epochs",
    "ddip-tf demo": "run by test_cli",
    "ddip-tf doctor": "run by test_cli",
}


def blocks(page: Path) -> list[str]:
    """Lines of the shell blocks of a page, long ones joined, comments gone."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)).replace("\\\n", " ")
    return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in text.splitlines()) if line]


def spans(page: Path) -> list[str]:
    """Commands with arguments within sentences, but for those cut short by an ellipsis."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    found = [" ".join(span.split()) for span in re.findall(r"`((?:ddip-tf|python tools/|make )[^`]*)`", text)]
    return [span for span in found if "…" not in span and (len(span.split()) > 2 or span.startswith("make"))]


def shown(start: str) -> list[tuple[str, str]]:
    return [(page.name, line) for page in PAGES for line in [*blocks(page), *spans(page)] if line.startswith(start)]


@pytest.mark.parametrize(("page", "line"), sorted(set(shown("ddip-tf "))))
def test_it_parses_and_its_settings_go_together(page, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text("seed: 1\n")
    words = shlex.split(line.split(" > ")[0])[1:]
    command = cli.cli.commands[words[0]]
    options = command.make_context(words[0], words[1:]).params
    if words[0] in ("fit", "demo"):
        settings_from(options)
    elif words[0] == "sweep":
        assert grid(options)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A folder with small files of the names that the pages use."""
    data = ROOT / "ddip_tf" / "demo_data"
    for name in ("slice1", "slice2", "truth1", "truth2"):
        image = tifffile.imread(data / f"{name}.tif")[30:94, 40:121]
        tifffile.imwrite(tmp_path / f"{name}.tif", image, resolution=(1e6, 1e6), resolutionunit="CENTIMETER")
    shutil.copy(ROOT / "tests/data/ptychodus.h5", tmp_path / "product.h5")
    shutil.copy(ROOT / "tests/data/ptychi.npy", tmp_path / "object.npy")
    shutil.copytree(ROOT / "saved_models" / "example", tmp_path / "saved_models" / "example")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_those_in_blocks_run(bench, call):
    done, said = set(), {}
    for page in PAGES:
        for line in blocks(page):
            if not line.startswith("ddip-tf ") or line in done or any(part in line for part in ONLY_PARSED):
                continue
            done.add(line)
            command, _, target = line.partition(" > ")
            words = shlex.split(command)[1:]
            if words[0] == "fit":  # pages use the same name for different runs
                shutil.rmtree(words[words.index("-o") + 1], ignore_errors=True)
            elif words[0] == "export":
                Path(words[words.index("-o") + 1]).unlink(missing_ok=True)
            code, out, err = call(*words)
            assert (code, err) == (0, ""), f"{page.name}: {line}\n{err}"
            said[line] = out
            if target:
                (bench / target).write_text(out)
    kinds = {line.split()[1] for line in done}
    assert kinds >= {"fit", "regenerate", "show", "transfer", "export"}
    assert all(out for out in said.values())


def test_nothing_is_left_out_for_nothing():
    lines = [line for page in PAGES for line in blocks(page)]
    for part in ONLY_PARSED:
        assert any(part in line for line in lines), f"{part} is shown no longer: take it out of ONLY_PARSED"


@pytest.mark.parametrize(("page", "line"), sorted(set(shown("python tools/"))))
def test_tools_and_their_flags_are_there(page, line):
    words = line.split()
    text = (ROOT / words[1]).read_text() + (ROOT / "tools" / "simulate.py").read_text()
    for word in words:
        assert not word.startswith("--") or word in text, f"{page}: {word}"


@pytest.mark.parametrize(("page", "line"), sorted(set(shown("make "))))
def test_make_has_these_targets(page, line):
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.M), page


def test_a_wrong_flag_would_be_seen():
    with pytest.raises(click.UsageError, match="--gama"):
        cli.cli.commands["fit"].make_context("fit", ["a.tif", "--gama", "1"])
