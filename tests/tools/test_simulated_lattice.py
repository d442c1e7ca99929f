"""Crystallites of real atoms; their potential only where abTEM is installed."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import simulated_lattice as lattice


def test_a_crystallite_is_strontium_titanate_inside_the_field():
    symbols, places = lattice.crystallite(60.0, np.random.default_rng(1), turned=False)
    counts = [np.mean(symbols == name) for name in ("Sr", "Ti", "O")]
    np.testing.assert_allclose(counts, [0.2, 0.2, 0.6], atol=0.02)
    cells = (60.0 / lattice.CELL_A) ** 2 * lattice.CELLS
    assert len(symbols) == pytest.approx(5 * cells * (1 - lattice.EMPTY), rel=0.05)
    assert places[:, :2].min() >= 0
    assert places[:, :2].max() <= 60
    turned, _ = lattice.crystallite(60.0, np.random.default_rng(1))
    assert len(turned) < 0.9 * len(symbols)  # it ends at an edge


def test_potentials_of_atoms_turn_the_phase_and_depend_on_the_seed_alone():
    pytest.importorskip("abtem")
    phases = lattice.draw(2, 3, 64)
    assert phases.shape == (2, 64, 64)
    assert 0.3 < phases.max() < np.pi
    assert not np.allclose(phases[0], phases[1])
    np.testing.assert_array_equal(phases, lattice.draw(2, 3, 64))
