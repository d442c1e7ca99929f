"""An independent NumPy (float64) computation of the networks, eq. (3) and eq. (5), to hold the package against."""

import numpy as np


def convolve(x, kernel, bias, stride=1):
    """x (H, W, C) with reflection padding, kernel (k, k, C, D)."""
    k = kernel.shape[0]
    x = np.pad(x, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))[::stride, ::stride]
    return np.einsum("hwcij,ijcd->hwd", windows, kernel) + bias


def normalise(x, gamma, beta):
    mean, variance = x.mean((0, 1)), x.var((0, 1))
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def upsample(x):
    """Bilinear ×2 with half-pixel centres along both axes."""
    for axis in (0, 1):
        n = x.shape[axis]
        before = np.take(x, np.maximum(np.arange(n) - 1, 0), axis)
        after = np.take(x, np.minimum(np.arange(n) + 1, n - 1), axis)
        pair = np.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis + 1)
        x = pair.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
    return x


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Network:
    """Evaluates a U-Net from its weights by layer name."""

    def __init__(self, weights: dict[str, list[np.ndarray]]):
        self.weights = {name: [np.asarray(w, float) for w in ws] for name, ws in weights.items()}

    def block(self, x, name, stride=1):
        x = convolve(x, *self.weights[f"{name}_conv"], stride=stride)
        x = normalise(x, *self.weights[f"{name}_norm"])
        return np.where(x > 0, x, 0.2 * x)

    def level(self, x, number):
        name = f"level{number}"
        d = self.block(self.block(x, f"{name}_down", 2), f"{name}_bottom")
        if f"level{number + 1}_down_conv" in self.weights:
            d = self.level(d, number + 1)
        d = upsample(d)[: x.shape[0], : x.shape[1]]
        if f"{name}_skip_conv" in self.weights:
            d = np.concatenate([self.block(x, f"{name}_skip"), d], axis=-1)
        d = normalise(d, *self.weights[f"{name}_join_norm"])
        return self.block(self.block(d, f"{name}_up"), f"{name}_out")

    def __call__(self, z):
        """z (H, W, C) → the head's linear output (H, W, D)."""
        return convolve(self.level(z, 1), *self.weights["head_conv"])


def pool(x):
    h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return x[:h, :w].reshape(h // 2, 2, w // 2, 2).mean((1, 3))


def exclusion(a, b):
    total = 0.0
    for scale in range(5):
        if scale:
            a, b = pool(a), pool(b)
        for axis in (0, 1):
            ga, gb = (np.tanh(np.diff(image, axis=axis) / 2) for image in (a, b))
            total += np.mean(ga**2 * gb**2) ** 0.25
    return total / 90


def loss(networks, latents, measured, gamma, alpha_weight):
    """Eq. (5) with shallow filters for two slices, from networks and latents by name."""
    y1, y2 = (sigmoid(networks[n](latents[n]))[..., 0] for n in ("slice1", "slice2"))
    h, w = y1.shape
    a1, a2 = 0.9 * sigmoid(networks["weights"](latents["weights"])[h // 2, w // 2]) + 0.05
    f1, f2 = (sigmoid(networks[n](y[..., None]))[..., 0] for n, y in (("filter12", y2), ("filter21", y1)))
    i1, i2 = a1 * y1 + (1 - a1) * f1, a2 * f2 + (1 - a2) * y2
    fidelity = np.mean((i1 - measured[0]) ** 2) + np.mean((i2 - measured[1]) ** 2)
    return fidelity + gamma * exclusion(y1, y2) + alpha_weight * ((a1 - 0.5) ** 2 + (a2 - 0.5) ** 2)
