import pytest

from ddip_tf.workflows.suggestion import suggest


def row(mixing, gamma, ghost, detail=0.95, unexplained=0.02, alpha=(0.8, 0.2), seed=0, fidelity=1e-3, **more):
    found = {"run": f"{mixing}-g{gamma}-s{seed}", "preset": "paper", "mixing": mixing, "gamma": gamma, "seed": seed}
    found |= {"ghost_correlation": ghost, "detail_kept": detail, "unexplained": unexplained, "fidelity": fidelity}
    found |= {"contrast_kept": 0.9, "order_margin": 0.5} | more
    return found | ({"alpha1": alpha[0], "alpha2": alpha[1]} if alpha else {})


def test_the_lowest_ghost_correlation_of_either_sign_is_suggested():
    rows = [row("shallow", 0.04, 0.3), row("shallow", 0.1, 0.12), row("shallow", 0.4, -0.2)]
    found = suggest(rows)
    assert found.run == "shallow-g0.1-s0"
    assert "+0.12" in found.reason
    assert "next -0.20" in found.reason


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"detail": 0.6}, "keeps 60% of the fine structure"),
        ({"unexplained": 0.3}, "30% of the inputs unexplained"),
        ({"alpha": (0.5, 0.45)}, "α₁/α₂ drifted from 4.0 to 1.1"),
    ],
)
def test_what_lost_detail_or_fidelity_or_whose_alpha_drifted_is_left_out(fault, said):
    rows = [row("shallow", 0.04, 0.3), row("shallow", 0.1, 0.12), row("shallow", 0.4, 0.0, **fault)]
    found = suggest(rows)
    assert found.run == "shallow-g0.1-s0"
    assert said in found.reason
    assert suggest([*rows[:2], row("shallow", 0.4, 0.0)]).run == "shallow-g0.4-s0"


def test_alpha_is_held_against_the_same_mixing_only():
    rows = [row("kernel", 0.04, 0.3, alpha=(0.9, 0.1)), row("shallow", 0.4, 0.0, alpha=(0.5, 0.4))]
    assert suggest([*rows, row("transfer", None, 0.2, alpha=None)]).run == "shallow-g0.4-s0"


def test_of_settings_alike_the_one_that_keeps_more_detail_is_suggested():
    rows = [row("shallow", 0.1, 0.03, detail=0.99), row("shallow", 0.4, 0.02, detail=0.8)]
    assert suggest(rows).run == "shallow-g0.1-s0"


def test_seeds_are_averaged_and_the_run_of_the_best_fit_named():
    rows = [row("shallow", 0.1, g, seed=s, fidelity=f) for s, (g, f) in enumerate([(0.0, 3e-3), (0.4, 1e-3)])]
    rows += [row("shallow", 0.2, g, seed=s, fidelity=f) for s, (g, f) in enumerate([(0.15, 3e-3), (0.1, 1e-3)])]
    assert suggest(rows).run == "shallow-g0.2-s1"


def test_nothing_is_suggested_where_there_is_nothing_to_choose():
    assert suggest([]) is None
    assert suggest([row("shallow", 0.1, 0.1), {"run": "x", "status": "waiting"}]) is None
    assert suggest([row("shallow", 0.1, 0.1, unexplained=0.5), row("shallow", 0.4, 0.1, unexplained=0.6)]) is None


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"contrast_kept": 0.1}, "a slice came out empty"), ({"order_margin": -0.1}, "slices confused")],
)
def test_runs_that_gave_no_n_slices_are_left_out(fault, said):
    """Whole settings, and single seeds: these neither count for their setting nor are named."""
    rows = [row("shallow", 0.1, 0.12), row("shallow", 0.4, 0.3), row("kernel", 0.4, 0.0, **fault)]
    found = suggest(rows)
    assert found.run == "shallow-g0.1-s0"
    assert f"kernel, γ 0.4 ({said})" in found.reason
    seeds = [row("shallow", 0.1, 0.0, seed=s, fidelity=1e-4, **fault) for s in (1, 2)]
    found = suggest([*rows[:2], *seeds])
    assert found.run == "shallow-g0.1-s0"
    assert "ghost correlation +0.12" in found.reason
    assert f"shallow, γ 0.1 (2 seeds: {said})" in found.reason
    assert suggest([row("shallow", 0.1, 0.1), row("kernel", 0.4, 0.0, **fault)]).run == "shallow-g0.1-s0"
    assert suggest([row("shallow", 0.1, 0.1, **fault), row("kernel", 0.4, 0.0, **fault)]) is None
