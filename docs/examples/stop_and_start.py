"""Separations between the runs of any program that can be stopped and started: files in, files out.

python stop_and_start.py object.npy "my_program --epochs 50 --object {object} --out {object}" --times 2

The command is run, the object that it left is separated in place, and so on; the last run is on the data alone. Any
file that `ddip-tf export` writes will do (.npy, Ptychodus, PtyRAD, fold_slice, …); the command must go on with the
probe and positions that it wrote itself.
"""

import argparse
import shlex
import subprocess
import tempfile
from pathlib import Path


def separated(file):
    """The file's object without its ghosts, in the file's place; what it was stays beside it as ``before_…``."""
    kept = file.with_name(f"before_{file.name}")
    file.replace(kept)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        subprocess.run(["ddip-tf", "fit", kept, "-o", run, "--preset", "quick"], check=True)
        subprocess.run(["ddip-tf", "export", run, "--into", kept, "-o", file], check=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("object", type=Path)
    options.add_argument("command", help="{object} in it stands for the file")
    options.add_argument("--times", type=int, default=2, help="how often to separate")
    said = options.parse_args()
    command = [part.format(object=said.object) for part in shlex.split(said.command)]
    for time in range(said.times + 1):
        subprocess.run(command, check=True)
        if time < said.times:
            separated(said.object)


if __name__ == "__main__":
    main()
