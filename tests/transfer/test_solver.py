"""Separation under a known T(k): linear algebra against references, and objects that must come back."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import discs, known_transfer, mix

from ddip_tf.transfer import background, dct, estimate_transfer, inverse_problem, solver


def psnr(y, truth):
    y = y - y.mean() + truth.mean()
    return -10 * np.log10(np.mean((y - truth) ** 2) / np.ptp(truth) ** 2)


def test_adjoint_and_laplacian_of_the_gradient():
    rng = np.random.default_rng(0)
    y, g = rng.standard_normal((3, 17, 22)), rng.standard_normal((2, 3, 17, 22))
    assert np.vdot(dct.gradient(y), g) == pytest.approx(np.vdot(y, dct.adjoint_gradient(g)))
    direct = dct.adjoint_gradient(dct.gradient(y))
    np.testing.assert_allclose(dct.idct(dct.laplacian(17, 22)[..., None] * dct.dct(y)), direct, atol=1e-12)


@pytest.mark.parametrize("n", [2, 3])
def test_small_matrices_in_closed_form(n):
    A = np.random.default_rng(0).standard_normal((4, 5, n, n))
    A = A @ A.swapaxes(-1, -2) + np.eye(n)
    np.testing.assert_allclose(dct.inverse(A), np.linalg.inv(A), atol=1e-12)
    A[0, :3] = np.eye(n), np.zeros((n, n)), np.diag([3.0, 2, 1][:n])
    values, axes = dct.eigen(A)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(A), atol=1e-12)
    np.testing.assert_allclose((axes * values[..., None, :]) @ axes.swapaxes(-1, -2), A, atol=1e-12)
    np.testing.assert_allclose(axes.swapaxes(-1, -2) @ axes, np.broadcast_to(np.eye(n), A.shape), atol=1e-12)


@pytest.mark.parametrize(("n", "shape"), [(2, (95, 121)), (3, (121, 95))])
def test_sparse_objects_come_back(n, shape):
    transfer, truth = known_transfer(shape, n), discs(n, shape)
    images = mix(truth, transfer)
    solution = solver.solve(images, transfer)
    for i in range(n):
        assert psnr(solution.images[i], truth[i]) > 30
        assert psnr(solution.images[i], truth[i]) > psnr(images[i], truth[i]) + 8
        slope = np.polyfit(truth[i].ravel(), solution.images[i].ravel(), 1)[0]
        assert slope == pytest.approx(1, abs=0.05)  # gain of one, without any regression on the input


def test_sum_rule_and_residual():
    shape = (95, 121)
    transfer = known_transfer(shape)
    images = mix(discs(2, shape), transfer) + 0.3
    solution = solver.solve(images, transfer)
    np.testing.assert_allclose(solution.images.mean((1, 2)).sum(), images.mean((1, 2)).sum(), atol=1e-9)
    back = mix(solution.images, transfer) + solution.residual
    np.testing.assert_allclose(
        back - back.mean((1, 2), keepdims=True), images - images.mean((1, 2), keepdims=True), atol=1e-9
    )


def test_unmixed_slices_are_returned_untouched():
    truth = np.random.default_rng(0).standard_normal((2, 63, 77))
    transfer = estimate_transfer(truth)
    np.testing.assert_array_equal(solver.solve(truth, transfer).images, truth)


def test_identity_returns_the_input():
    shape = (63, 77)
    transfer = replace(known_transfer(shape), matrix=np.tile(np.eye(2), (len(known_transfer(shape).k), 1, 1)))
    images = discs(2, shape)
    np.testing.assert_array_equal(solver.solve(images, transfer).images, images)


def test_deterministic_and_scale_free():
    shape = (63, 77)
    truth = discs(2, shape)
    one = solver.solve(mix(truth, known_transfer(shape)), known_transfer(shape), starts=3, seed=4)
    two = solver.solve(mix(truth, known_transfer(shape)), known_transfer(shape), starts=3, seed=4)
    np.testing.assert_array_equal(one.sigma, two.sigma)
    threaded = solver.solve(mix(truth, known_transfer(shape)), known_transfer(shape), starts=3, seed=4, threads=3)
    np.testing.assert_array_equal(one.sigma, threaded.sigma)
    large = solver.solve(mix(100 * truth, known_transfer(shape)), known_transfer(shape, power=1e2))
    np.testing.assert_allclose(large.images, 100 * one.images, atol=1e-6)


def test_background_is_the_commonest_value():
    image = np.r_[np.full(500, 0.25), np.linspace(-3, 0, 400)].reshape(30, 30)
    assert background.background(image) == pytest.approx(0.25, abs=5e-3)
    shaken = image * (1 + 1e-7 * np.random.default_rng(0).standard_normal(image.shape))
    assert background.background(shaken) == pytest.approx(background.background(image), abs=1e-5)


def test_level_keeps_the_mean_of_the_sum_and_shares_what_is_over():
    images = np.zeros((2, 20, 30))
    images[0, :5], images[1, :, :7] = 1.0, -2.0
    y = images + np.array([0.3, -0.1])[:, None, None]
    y[0, 15:] += 0.5  # something the input does not show
    levelled = background.level(y, images)
    assert levelled.mean((1, 2)).sum() == pytest.approx(images.mean((1, 2)).sum())
    assert background.background(levelled[0]) == pytest.approx(background.background(levelled[1]))


def test_a_slice_without_ghosts_comes_back_untouched():
    shape = (63, 77)
    transfer = known_transfer(shape)
    matrix = np.tile(np.eye(2), (len(transfer.k), 1, 1))
    matrix[:, 1, 0] = -0.4
    transfer = replace(transfer, matrix=matrix, normalisation="diagonal")
    images = mix(discs(2, shape), transfer)
    solution = solver.solve(images, transfer)
    np.testing.assert_array_equal(solution.images[0], images[0])
    truth = discs(2, shape)
    leak = np.corrcoef(solution.images[1].ravel() - truth[1].ravel(), truth[0].ravel())[0, 1]
    assert abs(leak) < 0.2 < -np.corrcoef(images[1].ravel() - truth[1].ravel(), truth[0].ravel())[0, 1]


def test_slices_scaled_one_by_one_have_noise_scaled_one_by_one():
    """Solution and what the data decide of it follow the scale of each slice."""
    shape, gains = (63, 77), np.array([0.2, 5.0])
    transfer = known_transfer(shape)
    images = mix(discs(2, shape), transfer)
    transfer = replace(transfer, normalisation="diagonal")
    matrix = gains[:, None] * transfer.matrix / gains
    other = replace(transfer, matrix=matrix, power=transfer.power * gains**2)
    scaled, gains = images * gains[:, None, None], gains[:, None, None]
    plain = inverse_problem.decided(images, inverse_problem.prepare(images, transfer), 1.0)
    np.testing.assert_allclose(
        inverse_problem.decided(scaled, inverse_problem.prepare(scaled, other), 1.0), gains * plain, atol=1e-9
    )
    one, two = solver.solve(images, transfer), solver.solve(scaled, other)
    np.testing.assert_allclose(two.base, gains * one.base, atol=1e-9)
