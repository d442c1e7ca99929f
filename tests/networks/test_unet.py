import keras
import numpy as np
import pytest
from numpy_reference import Network, sigmoid

from ddip_tf.errors import InputError
from ddip_tf.networks import filters, unet


@pytest.mark.parametrize("shape", [(272, 272), (65, 66)])
def test_parameter_counts_are_the_references(shape):
    count = lambda model: sum(int(np.prod(w.shape)) for w in model.trainable_variables)  # noqa: E731
    assert count(unet.build_generator(*shape)) == 1_544_569
    assert count(unet.build_generator(*shape, 2, 2)) == 1_544_778
    assert count(filters.build_shallow_filter(*shape)) == 365


@pytest.mark.parametrize(
    ("shape", "levels"), [((65, 65), 5), ((64, 300), 4), ((33, 90), 4), ((32, 32), 3), ((448, 65), 5)]
)
def test_levels_leave_three_pixels(shape, levels):
    assert unet.count_levels(*shape) == levels
    assert -(-min(shape) // 2**levels) >= 3


def test_too_small_for_any_level():
    with pytest.raises(InputError, match="too few"):
        unet.count_levels(4, 100)


@pytest.mark.parametrize("shape", [(43, 36), (67, 91)])
def test_forward_pass_is_the_numpy_reference(shape):
    model = unet.build_generator(*shape, 2, 3, channels=(2, 3, 2, 3, 2), skips=(0, 1, 0, 2, 1), head="sigmoid", seed=5)
    z = np.random.default_rng(0).uniform(-0.5, 0.5, (*shape, 2)).astype(np.float32)
    expected = sigmoid(Network({layer.name: layer.get_weights() for layer in model.layers})(z))
    np.testing.assert_allclose(model(z[None])[0], expected, atol=2e-5)
    assert np.ptp(expected) > 0.05


def test_initial_weights_fill_the_interval_of_one_over_root_fan_in():
    model = unet.build_generator(70, 80, seed=1)
    kernel, bias = model.get_layer("level5_bottom_conv").get_weights()
    limit = 1 / np.sqrt(25 * 128)
    assert 0.98 * limit < np.abs(kernel).max() <= limit
    assert 0.5 * limit < np.abs(bias).max() <= limit
    assert abs(kernel.std() - limit / np.sqrt(3)) < 0.02 * limit


def test_same_seed_same_network():
    one, same, other = (unet.build_generator(40, 37, seed=s).get_weights() for s in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_model_is_safely_serialisable(tmp_path):
    model = unet.build_generator(45, 38, channels=(2, 2, 2), skips=(0, 1, 1), seed=0)
    model.save(tmp_path / "g.keras")
    z = np.random.default_rng(1).normal(size=(1, 45, 38, 1)).astype(np.float32)
    same = keras.saving.load_model(tmp_path / "g.keras", safe_mode=True)
    np.testing.assert_array_equal(model(z), same(z))
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model.layers)


def test_norm_treats_each_image_by_itself():
    model = unet.build_generator(45, 38, channels=(2, 2, 2), skips=(0, 1, 1), seed=0)
    z = np.random.default_rng(1).normal(size=(2, 45, 38, 1)).astype(np.float32)
    np.testing.assert_allclose(model(z)[0], model(z[:1])[0], atol=1e-6)
    np.testing.assert_array_equal(model(z, training=True), model(z, training=False))


def test_kernels():
    low, high = filters.low_pass_kernel(), filters.high_pass_kernel()
    assert low.shape == high.shape == (7, 7)
    assert low.sum() == pytest.approx(1)
    assert np.ptp(low) == 0
    assert high.sum() == pytest.approx(0)
    y, x = np.mgrid[-3:4, -3:4]
    # the five-point Laplacian of x² + 3y² is 2 + 6
    assert (high * (x**2 + 3 * y**2)).sum() == pytest.approx(8)


def test_kernel_filter_is_convolution_with_zero_padding():
    from scipy.ndimage import correlate

    kernel = np.arange(49.0).reshape(7, 7) / 49
    image = np.random.default_rng(2).normal(size=(40, 33))
    filtered = filters.build_kernel_filter(40, 33, kernel)(image[None, ..., None].astype(np.float32))
    np.testing.assert_allclose(filtered[0, ..., 0], correlate(image, kernel, mode="constant"), atol=1e-4)


def test_without_a_seed_kerass_own_decides():
    def weights(**more):
        return unet.build_generator(20, 23, channels=(2,), skips=(0,), **more).get_weights()[0]

    drawn = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        drawn += [weights(), weights()]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[1], drawn[3])
    assert not np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[4])
    np.testing.assert_array_equal(weights(seed=5), weights(seed=5))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"height": 20.5}, "height is 20.5"),
        ({"channels_in": 0}, "channels_in is 0"),
        ({"channels": (2, "3")}, r"channels\[1\] is '3'"),
        ({"skips": (0, -1)}, r"skips\[1\] is -1"),
        ({"skips": (0,)}, "channels are of 2 levels, skips of 1"),
        ({"channels": (), "skips": ()}, "one number each for every level"),
        ({"head": "sigmoyd"}, "head is 'sigmoyd', which is no activation"),
        ({"seed": -3}, "seed is -3"),
        ({"seed": True}, "seed is True"),
    ],
)
def test_wrong_arguments_are_said(wrong, said):
    with pytest.raises(InputError, match=said):
        unet.build_generator(**{"height": 40, "width": 33, "channels": (2, 3), "skips": (0, 1)} | wrong)
