"""tools/reproduce_paper.py: its page, from sweeps whose fits an archived run stands in for."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ddip_tf.archive.manifest import load_manifest
from ddip_tf.archive.run import archived
from ddip_tf.config import preset
from ddip_tf.formats import tiff
from ddip_tf.workflows import sweep, sweep_table

TOOL = Path(__file__).parents[2] / "tools/reproduce_paper.py"


@pytest.fixture
def tool(run, monkeypatch):
    if not TOOL.exists():
        pytest.skip("tools/ is not here")
    spec = importlib.util.spec_from_file_location("reproduce_paper", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run_sweep(mixing, runs, files, out, epochs, extra):
        """Deviations grow with γ; one seed of the highest γ is confused."""
        calls.append((mixing, runs, files, epochs, extra))
        inputs, _ = archived(run)
        rows = []
        for gamma in map(float, module.GAMMAS[mixing].split(",")):
            for seed in range(runs):
                config = preset("paper", mixing=mixing, gamma=gamma, seed=seed, epochs=epochs)
                name = sweep.name_of(config)
                task = sweep.Task(name, "paper", config, None, out / mixing / "runs" / name)
                shutil.copytree(run, task.run)
                outputs = inputs + gamma * 0.05 * np.random.default_rng(seed).normal(size=inputs.shape)
                if (gamma, seed) == (0.4, 2):
                    outputs[1] = 0
                for i, (image, output) in enumerate(zip(inputs, outputs, strict=True), 1):
                    tiff.write(task.run / f"outputs/slice{i}.tif", output)
                    tiff.write(task.run / f"outputs/ghost{i}.tif", image - output)
                manifest = load_manifest(run) | {"config": config.to_dict(), "gamma": gamma}
                (task.run / "manifest.json").write_text(json.dumps(manifest))
                rows.append(sweep_table.row(task))
        sweep_table.write_summary(rows, out / mixing)

    calls = []
    monkeypatch.setattr(module, "run_sweep", run_sweep)
    return module, calls


def test_the_page_has_the_three_studies_beside_the_papers_numbers(tool, tmp_path):
    module, calls = tool
    arguments = ["a.tif", "b.tif", "-o", str(tmp_path / "out"), "--epochs", "50", "--runs", "4", "--workers", "2"]
    lines = ["--line", "1:20,2:20,33", "--line", "2:2,2:2,4"]
    done = CliRunner().invoke(module.main, [*arguments, *lines, "--", "--crop", "0:43,0:36"], catch_exceptions=False)
    assert done.exit_code == 0
    extra = ["--crop", "0:43,0:36", "--workers", "2"]
    assert calls == [("shallow", 4, ("a.tif", "b.tif"), 50, extra), ("kernel", 1, ("a.tif", "b.tif"), 50, extra)]
    page = (tmp_path / "out/report.html").read_text()
    assert "50 epochs, 4 seeds" in page
    for paper in ("0.1 to 0.2", "67.9 nm", "about 0.04 at 0.2"):
        assert paper in page
    uncertainty = page[page.index("Fig. 6") :]
    cells = [row.split("</td><td>") for row in uncertainty.split("<tr><td>")[1:]]
    assert [row[0] for row in cells] == ["0.04", "0.1", "0.2", "0.4"]
    first_slice = [float(row[2].split(" | ")[0]) for row in cells]
    assert first_slice == sorted(first_slice)
    assert [row[3].split("<")[0] for row in cells] == ["0", "0", "0", "1"]
    assert "it needs at least 7" in page  # a line too short says so in its cell


def test_the_pair_that_ships_is_the_default(tool, tmp_path):
    module, calls = tool
    done = CliRunner().invoke(module.main, ["-o", str(tmp_path / "out"), "--runs", "2"], catch_exceptions=False)
    assert done.exit_code == 0
    assert all(Path(file).is_file() for file in calls[0][2])
    assert calls[0][4][:2] == ["--crop", "0:64,72:168"]
    edges = "".join((tmp_path / "out/report.html").read_text().partition("Fig. 5")[2])
    assert all(line.partition(":")[2] in edges for line in module.DEMO_LINES)
