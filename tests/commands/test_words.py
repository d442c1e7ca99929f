"""What the command says to people: completions, flags for arguments, what was given, is kept, can be pasted."""

import ast
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import tifffile
from rooms import PACKAGE

import ddip_tf
from ddip_tf import cli
from ddip_tf.archive import lock
from ddip_tf.commands.wording import as_flags
from ddip_tf.errors import InputError, Interrupted, RunError, remedy
from ddip_tf.workflows import repeats
from ddip_tf.workflows import run as whole

QUICK = ["--mixing", "linear", "--epochs", "3", "--width", "1", "--threads", "2"]
#: by convention options that take a file or a folder
FILES = ("FILE.yaml", "RUN", "NEW", "ORIGINAL", "DIR", "PNG", "IMAGE", "FILE", "T1")


@pytest.fixture
def pair(tmp_path, stack):
    for i, image in enumerate(stack.images, 1):
        tifffile.imwrite(tmp_path / f"slice{i}.tif", image)
    return ["slice1.tif", "slice2.tif"]


def test_every_file_completes_and_every_format_is_a_choice():
    for name, command in cli.cli.commands.items():
        for parameter in command.params:
            where = (name, parameter.name)
            if any(word in FILES for word in (parameter.metavar or "").replace("|", " ").split()):
                assert isinstance(parameter.type, click.Path), where
            if parameter.name == "family":
                assert set(parameter.type.choices) >= {"tiff", "ptychodus", "hdf5"}, where


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ddip-tf fit sl", ["file,sl"]),
        ("ddip-tf export RUN --into pro", ["file,pro"]),
        ("ddip-tf show --format ptyc", ["plain,ptychodus"]),
        ("ddip-tf sweep a.tif --mixing shallow,k", ["plain,shallow,kernel"]),
    ],
)
def test_the_shell_is_told(words, completed):
    number = str(len(words.split()) - 1)
    asked = {"_DDIP_TF_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": number}
    program = [
        sys.executable,
        "-c",
        "import sys; sys.argv = ['ddip-tf']; from ddip_tf.cli import cli; cli(prog_name='ddip-tf')",
    ]
    done = subprocess.run(program, env=os.environ | asked, capture_output=True, text=True, check=False)
    assert done.stdout.split() == completed


def test_errors_of_python_speak_of_arguments():
    for file in PACKAGE.rglob("*.py"):
        if file.relative_to(PACKAGE).parts[0] in ("commands", "cli.py", "report", "napari_plugin"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise):
                said = "".join(str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant))
                assert " -o" not in said and "--" not in said, (file, said)


def test_and_the_command_of_flags():
    said = 'choose another `run`, or `overwrite`; say `slice_axis="last"`, `pixel_size_m`, `dataset="a b"`; `y` stays'
    flags = "choose another -o, or --overwrite; say --slice-axis last, --pixel-size, --dataset 'a b'; `y` stays"
    assert as_flags(said) == flags


@pytest.mark.parametrize(
    ("crop", "said"),
    [
        ("0:100", "such as 0:272,16:288, not '0:100'"),
        ("40:0,0:36", "crop 40:0 of y is reversed: did you mean 0:40?"),
        ("0:40,7:7", "crop 7:7 of x is of no pixel"),
        ("0:40,0:36,1:2", "not '0:40,0:36,1:2'"),
    ],
)
def test_a_crop_is_said_for_what_it_is(call, pair, crop, said):
    code, _, err = call("fit", *pair, "--crop", crop)
    assert (code, err.count("\n")) == (2, 1) and said in err


@pytest.mark.parametrize("command", [("regenerate",), ("export", "--into", "slice1.tif", "-o", "new.tif")])
def test_a_wrong_path_is_said_for_what_it_is(call, pair, run, tmp_path, command):
    (tmp_path / "sweep/runs").mkdir(parents=True)
    os.symlink(run, tmp_path / "sweep/runs/one")
    for path, said in (
        ("slice1.tif", "neither a run nor a folder: it is a file"),
        ("nowhere", "neither a run nor anything else: there is no such folder"),
        (".", "neither a run nor a folder of runs: it holds no manifest.json"),
        ("sweep", "it holds 1 run(s); give one of them, such as sweep/runs/one"),
    ):
        code, _, err = call(command[0], path, *command[1:])
        assert code == 2 and said in err


def test_truths_are_given_in_one_go_or_one_by_one(call, run, truth, tmp_path):
    for number, image in enumerate(truth, 1):
        np.save(tmp_path / f"t{number}.npy", image)
    code, table, err = call("score", run, "--truth", "t1.npy", "t2.npy")
    assert (code, err) == (0, "")
    assert call("score", run, "--truth", "t1.npy", "--truth", "t2.npy")[1] == table
    code, _, err = call("score", run, "--truth", "t1.npy", "t2.npy", "--truth", "t1.npy")
    assert code == 2 and "--truth once, with all truths after it, or once for each" in err


def test_too_few_truths_are_counted(call, run, truth, tmp_path):
    np.save(tmp_path / "t.npy", truth[0])
    code, _, err = call("score", run, "--truth", "t.npy")
    assert code == 2 and "has 2 slices and --truth 1 truth: give one a slice" in err


def test_the_same_image_twice_is_said_once(call, pair):
    code, out, err = call("transfer", pair[0], pair[0])
    assert (code, err) == (0, "")
    assert out == "Warning: slices 1 and 2 are the same image: nothing can be separated\n"


def test_a_file_over_the_limit_says_what_lifts_it(call, pair, monkeypatch):
    monkeypatch.setenv("DDIP_TF_MAX_BYTES", "1000")
    line = call("show", "slice1.tif")[2].strip().rpartition("export ")[2]
    name, _, value = line.partition("=")
    monkeypatch.setenv(name, value)
    assert call("show", "slice1.tif")[0] == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "make room"),
        (PermissionError(13, "Permission denied"), "you may not write there"),
        (OSError(30, "Read-only file system"), "you may not write there"),
        (OSError(5, "Input/output error"), "choose another place"),
    ],
)
def test_only_a_full_disk_needs_room(error, said, tmp_path):
    assert remedy(error).startswith(said)
    with pytest.raises(RunError, match=said), lock.as_run_error(tmp_path):
        raise error


def test_what_is_printed_can_be_pasted(call, pair, tmp_path):
    quick = ("--preset", "quick")
    out = call("fit", *pair, "-o", "my run", *quick)[1]
    assert "'my run' --check" in out
    again = next(line.split(None, 1)[1] for line in out.splitlines() if line.startswith("again"))
    assert call(*shlex.split(again)[1:])[0] == 0
    log = (tmp_path / "my run/log.txt").read_text()
    for part in (
        "2 slices of 43 x 36 pixels from slice1.tif, slice2.tif",
        "mixing='transfer'",
        "epoch 1 of 1",
        "archived",
    ):
        assert part in log
    (tmp_path / "my run/decided.png").touch()
    before = (tmp_path / "my run/manifest.json").read_bytes()
    (tmp_path / "my run/report.html").unlink()
    (tmp_path / "my run/preview.png").write_bytes(b"half")  # killed while it was drawn
    code, out, _ = call("fit", *pair, "-o", "my run", *quick, "--resume")
    assert (code, "was finished already" in out) == (0, True)
    assert (tmp_path / "my run/preview.png").stat().st_size > 1000 and (tmp_path / "my run/report.html").exists()
    assert (tmp_path / "my run/manifest.json").read_bytes() == before


def test_figures_that_are_missing_are_made(monkeypatch, tmp_path):
    run = Path(__file__).parents[1] / "runs/transfer"
    for name in ("manifest.json", "mixing.npz", "preview.png", "report.html", "transfer.png"):
        (tmp_path / name).write_bytes((run / name).read_bytes() if (run / name).exists() else b"")
    assert not whole.illustrated(tmp_path)
    (tmp_path / "decided.png").touch()
    assert whole.illustrated(tmp_path)


@pytest.mark.parametrize("where", ["fit", "archive"])
def test_an_interrupted_fit_promises_what_there_is(call, pair, monkeypatch, tmp_path, where):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(*((whole, "_fit") if where == "fit" else (whole.Run, "__init__")), interrupt)
    code, _, err = call("fit", *pair, "-o", "a run", *QUICK)
    assert code == 130
    kept = where == "archive"
    assert ("the same command with -o 'a run' --resume goes on" in err) is kept
    assert ("nothing was saved" in err) is not kept


def test_repeats_name_their_own_folder(call, pair, monkeypatch, stack, tmp_path):
    def stop(*_, **__):
        raise Interrupted("the time is up: stopped", kept=True)

    monkeypatch.setattr(repeats.whole, "carry_out", stop)
    err = call("fit", *pair, "-o", "several", "--runs", "2", *QUICK)[2]
    assert "with -o several --resume goes on" in err and "0001" not in err


def test_a_dry_run_reads_checks_and_writes_nothing(call, pair, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, err = call("fit", *pair, "-o", "r", "--dry-run")
    assert (code, err) == (0, "")
    for part in ("2 of 43 x 36", "FitConfig(mixing='transfer')", "r would be made", "roughly", "nothing was fitted"):
        assert part in out
    assert "Warning: slices 1 and 2 are the same image" in call("fit", pair[0], pair[0], "--dry-run", "-o", "r")[1]
    assert "30 µm apart" in call("fit", *pair, "--dry-run", "--spacing", "30um", "-o", "r")[1]
    assert "h on" in call("fit", *pair, "--dry-run", "--preset", "paper", "--runs", "40", "-o", "r")[1]
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "r").mkdir()
    (tmp_path / "r/mine").write_text("")
    code, _, err = call("fit", *pair, "-o", "r", "--dry-run")
    assert code == 2 and "choose another -o, or --overwrite" in err


def test_what_slices_counts_from_is_said(call, stack):
    np.save("four.npy", np.concatenate([stack.images, stack.images[::-1] ** 2]))
    assert "--slices 0,2 takes slices 1 and 3" in call("show", "four.npy")[1]
    said = call("fit", "four.npy", "--slices", "1,2", "-o", "r", "--dry-run")[1]
    assert "from four.npy, numbers 1, 2 counted from 0\n" in said
    assert "numbers" not in call("fit", "four.npy", "--slices", "0,1", "-o", "r", "--dry-run")[1]


def test_a_dry_run_finds_what_cannot_be_written(call, pair, tmp_path, monkeypatch):
    code, _, err = call("fit", *pair, "-o", f"{pair[0]}/deep/r", "--dry-run")
    assert code == 1 and "slice1.tif cannot be written; choose another place" in err
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    assert call("fit", *pair, "-o", "r", "--dry-run")[0] == 1


def test_a_folder_of_others_gets_no_log(stack, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(InputError, match="not empty"):
        ddip_tf.fit_and_save(stack, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_line_is_said_before_tensorflow_starts(pair, tmp_path):
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None;"
        "sys.argv = ['ddip-tf', 'fit', 'slice1.tif', 'slice2.tif', '-o', 'r', '--progress', 'bar'];"
        "from ddip_tf.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stderr.splitlines()[:2] == ["reading slice1.tif, slice2.tif …", "starting TensorFlow …"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_default_fit_promises_nothing(pair, tmp_path, number):
    program = (
        "import os, sys, signal\nfrom ddip_tf.workflows import run\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored by jobs in the background
        f"run._fit = lambda *_: os.kill(os.getpid(), {int(number)}) or signal.pause()\n"
        "sys.argv = ['ddip-tf', 'fit', 'slice1.tif', 'slice2.tif', '-o', 'r']\n"
        "from ddip_tf.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "ddip-tf: interrupted, nothing was saved\n")
    assert not (tmp_path / "r").exists()


def test_help_and_version(call):
    code, out, _ = call("help", "fit")
    assert code == 0 and "ddip-tf fit [OPTIONS] SLICE1" in out and "--dry-run" in out
    assert call("help")[1] == call("--help")[1]
    assert call("-v")[1] == call("--version")[1] == f"ddip-tf, version {ddip_tf.__version__}\n"
    assert call("help", "fti")[0] == 2
