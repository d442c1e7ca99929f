"""A release hangs together: one version, one address, and archives that hold all that they should."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
#: what stands in the repository for those who work on it there
NOT_SHIPPED = (".ci/", ".github/", ".gitignore", ".pre-commit-config.yaml")


@pytest.fixture(scope="module")
def tracked():
    """Files of the repository, by name."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    known = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(known, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file()]


def test_the_version_is_that_of_the_changelog_and_the_citation():
    heading = re.search(r"^## \[(\d[^\]]*)\] - (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert heading.groups() == (PROJECT["version"], citation["date-released"])
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]


def test_there_is_one_address():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["repository-code"] == REPOSITORY
    assert all(address.startswith(REPOSITORY) for address in PROJECT["urls"].values())
    pages = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml", "CITATION.cff")]
    pages += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*"), *(ROOT / ".github").rglob("*.yml")]
    for page in (page for page in pages if page.is_file()):
        for address in re.findall(r"https?://[^\s)\"'>]*ddip[-_]tf[^\s)\"'>]*", page.read_text()):
            assert address.startswith(REPOSITORY), page


def test_classifiers_name_the_versions_that_are_allowed():
    named = [line.rpartition(" :: ")[2] for line in PROJECT["classifiers"] if ":: Python :: 3." in line]
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in named


def test_links_of_the_description_lead_to_files():
    spec = importlib.util.spec_from_file_location("setup_of_ddip_tf", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.description()
    targets = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", text)
    assert len(targets) > 20
    tag = f"v{PROJECT['version']}"
    for picture, target in targets:
        start = f"{REPOSITORY}/{'raw' if picture else 'blob'}/{tag}/"
        if target.startswith(REPOSITORY) or "://" not in target:
            assert target.startswith(start), target
            assert (ROOT / target.removeprefix(start).partition("#")[0]).is_file(), target
    assert text.startswith("# ddip-tf")


def test_every_template_is_a_form():
    if not (ROOT / ".github").exists():
        pytest.skip("not a clone")
    for page in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(page.read_text())
        if page.stem != "config":
            assert {"name", "description", "body"} <= form.keys(), page
            assert len({part["id"] for part in form["body"]}) == len(form["body"])


def test_every_recipe_says_that_it_was_not_run():
    for page in (ROOT / "packaging").rglob("*"):
        if page.is_file() and page.suffix != ".md":
            assert re.search(r"^# NOT RUN: ", page.read_text(), re.M), page
    recipe = (ROOT / "packaging/conda/meta.yaml").read_text()
    for requirement in PROJECT["dependencies"]:
        name, bounds = re.match(r"([\w-]+)(.*)", requirement).groups()
        name = {"matplotlib": "matplotlib-base"}.get(name, name)
        assert f"    - {name} {bounds}\n" in recipe, requirement


def test_archives_are_complete(tracked, tmp_path):
    setuptools = pytest.importorskip("setuptools", minversion="77")
    assert setuptools
    source = tmp_path / "source"
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    code = "from setuptools import build_meta as b; print(b.build_sdist('..')); print(b.build_wheel('..'))"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (sdist,), (wheel,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.whl")
    assert sdist.name == f"ddip_tf-{PROJECT['version']}.tar.gz"
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in tracked if not name.startswith(NOT_SHIPPED)} <= held
    assert not [name for name in held if "__pycache__" in name or name.startswith((".venv", "build/"))]
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {name for name in tracked if name.startswith("ddip_tf/")}
