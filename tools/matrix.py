"""The tests on every Python that is supported and found here, each in an environment of its own.

    python3 tools/matrix.py                                      # the whole suite on 3.11, 3.12 and 3.13
    python3 tools/matrix.py --python 3.13 -- tests/slices        # pytest's arguments after --

Interpreters are looked for on the PATH, with pyenv, and with uv, which may fetch them. Environments stay in
build/matrix for the next time. Exit code 1 if tests failed, 2 if an interpreter is missing (`--found`: without it).
Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def supported() -> list[str]:
    """``3.11`` … from the classifiers of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    last = [line.rpartition(" :: ")[2] for line in project["classifiers"] if line.startswith("Programming Language")]
    return [version for version in last if version.startswith("3.")]


def interpreter(version: str) -> str | None:
    """An interpreter of this version that runs, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [f"python{version}", *map(str, sorted(pyenv.glob(f"{version}*/bin/python{version}")))]
    if shutil.which("uv"):
        found = subprocess.run(["uv", "python", "find", version], capture_output=True, text=True)
        candidates += found.stdout.split()
    for candidate in candidates:
        check = [candidate, "-c", f"import sys; sys.exit('{version}' != '%d.%d' % sys.version_info[:2])"]
        if shutil.which(candidate) and not subprocess.run(check, capture_output=True).returncode:
            return candidate
    if shutil.which("uv") and not subprocess.run(["uv", "python", "install", version], capture_output=True).returncode:
        return subprocess.run(["uv", "python", "find", version], capture_output=True, text=True).stdout.strip()
    return None


def environment(version: str, python: str) -> Path:
    """The Python of an environment with the package and what its tests need."""
    folder = ROOT / "build" / "matrix" / version
    inside = folder / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [inside, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    subprocess.run([*pip, "--editable", f"{ROOT}[test]"], check=True)
    return inside


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--python", action="append", choices=supported(), help="this version only; may be repeated")
    parser.add_argument("--found", action="store_true", help="a version that is not found is left out")
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after --")
    given = parser.parse_args()
    results: dict[str, str] = {}
    for version in given.python or supported():
        python = interpreter(version)
        if python is None:
            results[version] = "not found"
            continue
        try:
            done = subprocess.run([environment(version, python), "-m", "pytest", *given.pytest], cwd=ROOT).returncode
            results[version] = f"failed ({done})" if done else "passed"
        except subprocess.CalledProcessError:
            results[version] = "failed: cannot be installed"
    for version, said in results.items():
        print(f"Python {version}: {said}")
    if any(said.startswith("failed") for said in results.values()):
        return 1
    return 2 if "not found" in results.values() and not given.found else 0


if __name__ == "__main__":
    sys.exit(main())
