import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import SHAPE, blobs

from ddip_tf import cli
from ddip_tf.archive.manifest import load_manifest
from ddip_tf.commands import fit

QUICK = ["--epochs", "3", "--width", "1", "--mixing", "linear", "--threads", "2"]


@pytest.fixture
def pair(tmp_path, stack):
    files = []
    for i, image in enumerate(stack.images, 1):
        files.append(str(tmp_path / f"slice{i}.tif"))
        tifffile.imwrite(files[-1], image)
    return files


def test_fit_then_regenerate(call, pair, tmp_path):
    code, out, err = call("fit", *pair, "-o", "run", *QUICK)
    assert (code, err) == (0, "")
    assert "3 epochs" in out
    assert "ddip-tf regenerate run --check" in out
    assert (tmp_path / "run/preview.png").exists()
    assert [s["name"] for s in load_manifest("run")["inputs"]] == ["slice1.tif", "slice2.tif"]
    for runtime in ("onnx", "tensorflow"):
        code, out, _ = call("regenerate", "run", "--check", "--runtime", runtime)
        assert code == 0
        assert "agree" in out
    assert not (tmp_path / "run/regenerated").exists()
    before = (tmp_path / "run/outputs/slice1.tif").read_bytes()
    assert call("regenerate", "run")[0] == 0
    assert (tmp_path / "run/regenerated/slice2.tif").exists()
    assert (tmp_path / "run/outputs/slice1.tif").read_bytes() == before
    code, out, _ = call("show", "run")
    assert code == 0
    assert "2 slices of 43 x 36" in out


def test_default_run_folder_gets_a_free_number(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("slice1-5", "slice1-5-2", "slice1-5-3"):
        run = fit.place_of(None, "data/slice1.tif", 5, resume=False)
        assert run == fit.RUNS / name
        run.mkdir(parents=True)


def test_one_multipage_file_with_crop_and_pick(call, tmp_path):
    images = np.stack([blobs(6, (45, 50), s) for s in (1, 2, 3)]).astype("f4")
    tifffile.imwrite(tmp_path / "stack.tif", images, photometric="minisblack")
    args = ("--slices", "2,0", "--crop", "3:40,10:50", "--pixel-size", "7e-9")
    assert call("fit", "stack.tif", "-o", "run", *args, "--preset", "quick")[0] == 0
    manifest = load_manifest("run")
    assert manifest["shape"] == [37, 40]
    assert manifest["crop"] == [[3, 40], [10, 50]]
    assert [s["page"] for s in manifest["inputs"]] == [2, 0]
    output, ghost = (tifffile.imread(f"run/outputs/{kind}3.tif") for kind in ("slice", "ghost"))
    np.testing.assert_allclose(output + ghost, images[2, 3:40, 10:50], atol=1e-6)


def test_config_file_and_flags(call, pair, tmp_path):
    code, out, _ = call("config", "--preset", "paper")
    assert code == 0
    (tmp_path / "run.yaml").write_text(out.replace("epochs: 10000", "epochs: 2").replace("width: 8", "width: 1"))
    assert call("fit", *pair, "-o", "run", "--config", "run.yaml", "--mixing", "linear", "--gamma", "0.2")[0] == 0
    config = load_manifest("run")["config"]
    assert (config["epochs"], config["mixing"], config["gamma"]) == (2, "linear", 0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mixing", "linear", "--gamma", "-1"], "gamma is -1"),
        (["--mixing", "linear", "--epochs", "-5"], "epochs is -5"),
        (["--epochs", "many"], "many"),
        (["--crop", "0:20,0:20"], "at least 32"),
        (["--crop", "0:99,0:36"], "outside the image"),
        (["--crop", "hello"], "--crop takes"),
        (["--slices", "0,5"], "no slice 5"),
        (["--slices", "a"], "--slices takes"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--config", "bad.yaml"], "unknown config key 'gama'"),
        (["--device", "gpu:7"], "no device gpu:7"),
        (["--device", "quantum"], "device is 'quantum'"),
        (["--mixing", "magic"], "magic"),
        (["--nonsense"], "nonsense"),
        (["--epochs", "5"], "--epochs does nothing with mixing transfer"),
        (["--normalisation", "sum", "--mixing", "linear"], "--normalisation does nothing"),
        (["--pixel-size", "nan"], "pixel size must be"),
        (["--pixel-size", "0"], "pixel size must be"),
        (["--crop", ""], "--crop takes"),
    ],
)
def test_bad_usage_is_exit_2_one_line_and_nothing_written(call, pair, tmp_path, arguments, message):
    (tmp_path / "bad.yaml").write_text("gama: 0.1\n")
    before = sorted(tmp_path.iterdir())
    code, out, err = call("fit", *pair, "-o", "run", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["missing", "one slice", "constant", "nan", "text", "small", "complex", "shapes"])
def test_bad_input_is_exit_2_one_line_and_nothing_written(call, pair, tmp_path, kind):
    bad = tmp_path / "bad.tif"
    image = blobs(4, SHAPE, 5).astype("f4")
    if kind == "text":
        bad.write_text("not an image, though it ends in tif")
    elif kind != "missing":
        bad_images = {"constant": image * 0, "nan": image * np.nan, "small": image[:20], "complex": image * 1j}
        tifffile.imwrite(bad, {**bad_images, "shapes": image[:35], "one slice": image}[kind])
    files = {"one slice": [pair[0]], "small": [bad, bad]}.get(kind, [pair[0], bad])
    before = sorted(tmp_path.iterdir())
    code, out, err = call("fit", *files, "-o", "run", *QUICK)
    assert (code, out) == (2, "")
    assert err.startswith("ddip-tf: ")
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_an_existing_run_is_refused(call, pair, run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    code, _, err = call("fit", *pair, "-o", "run", *QUICK)
    assert code == 2
    assert "not empty" in err


def test_a_check_that_does_not_match_is_exit_1(call, run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "history.csv").write_text("changed")
    code, out, err = call("regenerate", "run", "--check")
    assert (code, out) == (1, "")
    assert "history.csv: changed" in err


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write anywhere")
def test_no_permission_is_exit_1_before_the_fit(pair, tmp_path):
    sealed = tmp_path / "sealed"
    sealed.mkdir(mode=0o555)
    drop = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    program = "from ddip_tf.cli import main; main()"
    if drop and subprocess.run([*drop, sys.executable, "-c", "import click"], check=False).returncode:
        pytest.skip("no other user can run this Python")
    for folder in [tmp_path, *tmp_path.parents[:-2]]:
        folder.chmod(folder.stat().st_mode | 0o055)
    command = [*drop, sys.executable, "-c", program, "fit", *pair, "-o", sealed / "run", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1


def test_interrupted_is_exit_130(call, pair, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "read_stack", interrupt)
    code, _, err = call("fit", *pair)
    assert code == 130
    assert "interrupted" in err


def test_show_file(call, pair):
    code, out, _ = call("show", pair[0])
    assert code == 0
    assert "1 image(s) of 43 x 36, float32" in out
    assert call("show", "missing.tif")[0] == 2


def test_doctor_passes(call):
    code, out, err = call("doctor")
    assert (code, err) == (0, "")
    assert "self-test    passed" in out
    assert "CPU:0" in out


def test_demo_runs_on_what_ships(call):
    code, _, _ = call("demo", "-o", "run")
    assert code == 0
    assert load_manifest("run")["shape"] == [160, 192]


def test_a_whole_command_prints_one_json_object_an_epoch_and_nothing_else(pair, tmp_path):
    program = "from ddip_tf.cli import main; main()"
    options = ["-o", tmp_path / "r", "--progress", "json", *QUICK]
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", program, "fit", *pair, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert {"seconds", "loss", "fidelity", "exclusion", "alpha1"} <= set(lines[0])


def test_transfer_prints_t_and_plots_it(call, tmp_path):
    data = Path(cli.__file__).with_name("demo_data")
    code, out, err = call("transfer", data / "slice1.tif", data / "slice2.tif", "-o", "law")
    assert (code, err) == (0, "")
    assert "cycles/µm" in out
    assert "are told apart by the data" in out
    assert "columns sum to one" in out
    assert (tmp_path / "law/transfer.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "law/transfer.csv").read_text().startswith("k,T11,T12,T21,T22,raw11")


def test_transfer_does_without_tensorflow():
    data = Path(cli.__file__).with_name("demo_data")
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None;"
        f"sys.argv = ['ddip-tf', 'transfer', {str(data / 'slice1.tif')!r}, {str(data / 'slice2.tif')!r}];"
        "from ddip_tf.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_score_holds_a_run_against_truth(call, run, truth, tmp_path):
    for i, image in enumerate(truth, 1):
        np.save(tmp_path / f"truth{i}.npy", image)
    code, out, err = call("score", run, "--truth", "truth1.npy", "truth2.npy")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 5
    assert call("score", run, "--truth", "truth1.npy")[0] == 2


def test_help_groups_options_and_shows_commands(call):
    code, out, _ = call("fit", "--help")
    assert code == 0
    headings = ["Options:", "Input:", "How it is separated:", "Running and progress:"]
    places = [out.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert (
        places[1]
        < out.index("\n  --crop")
        < places[2]
        < out.index("\n  --gamma")
        < places[3]
        < out.index("\n  --tensorboard")
    )
    assert out.count("--crop Y0") == 1
    for name in cli.cli.commands:
        code, out, _ = call(name, "--help")
        assert code == 0
        assert f"\n  ddip-tf {name}" in out or name == "doctor"


@pytest.mark.parametrize(
    ("arguments", "near"),
    [(["fti"], "'fit'"), (["fit", "--epoch", "3", "a.tif"], "'--epochs'"), (["fit", "--mixing", "kernl"], "kernel")],
)
def test_what_is_unknown_names_the_near(call, arguments, near):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert near in err


def test_faults_of_a_config_file_name_the_file(call, tmp_path):
    for text, said in [
        ("seed: 1\nseed: 2\n", "a.yaml: config has the key 'seed' twice, in lines 1 and 2"),
        ("epoch: 3\n", "a.yaml: unknown config key 'epoch'; did you mean epochs?"),
        ("epochs: [", "a.yaml: config is no valid YAML"),
    ]:
        (tmp_path / "a.yaml").write_text(text)
        code, _, err = call("fit", "x.tif", "y.tif", "--config", "a.yaml")
        assert (code, err.count("\n")) == (2, 1)
        assert said in err
    code, _, err = call("fit", "x.tif", "y.tif", "--config", "none.yaml")
    assert code == 2
    assert "none.yaml cannot be read: No such file" in err
    assert "ddip-tf config > none.yaml writes one" in err


def test_tensorflow_says_errors_only(caplog):
    logger = logging.getLogger("tensorflow")
    logger.warning("triggered tf.function retracing")
    logger.error("out of memory")
    assert caplog.messages == ["out of memory"]


@pytest.mark.parametrize("command", [("fit", "nowhere.tif"), ("demo",)])
def test_resume_needs_the_run_by_name(call, command):
    code, _, err = call(*command, "--resume")
    assert code == 2
    assert "--resume needs -o RUN" in err
