"""The paper's method in plain PyTorch, as one would write it: what the benchmark holds ddip-tf against.

    python tools/pytorch_reference.py SLICE1 SLICE2 -o OUT --mixing shallow --epochs 2500     # pictures, seconds
    python tools/pytorch_reference.py --serve 272 [--threads 2]   # "N" on standard input: N epochs; seconds come back

Eq. (3) and (5) of Du, Huang & Jacobsen (2021) with the constants of ``--preset paper``: three U-Nets, two filters,
Adam. On the GPU if torch sees one. Needs torch, numpy, tifffile and click only: it may run in an environment of its
own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import click
import numpy as np
import tifffile
import torch
from torch import nn
from torch.nn import functional

GENERATOR = ((8, 0), (16, 0), (32, 0), (64, 4), (128, 4))  # channels, channels of the skip; shallow to deep
FILTER = ((1, 1),) * 3
GAMMA = {"shallow": 0.1, "kernel": 0.4}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def block(before: int, after: int, side: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, side, stride, side // 2, padding_mode="reflect" if side > 1 else "zeros")
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.2))


class Level(nn.Module):
    """One level of the U-Net of Fig. 2 around the deeper ones."""

    def __init__(self, before: int, levels: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        (channels, skip), *deeper = levels
        below = deeper[0][0] if deeper else channels
        self.down = nn.Sequential(block(before, channels, 5, 2), block(channels, channels, 5))
        self.deeper = Level(channels, tuple(deeper)) if deeper else nn.Identity()
        self.skip = block(before, skip, 1) if skip else None
        self.up = nn.Sequential(
            nn.BatchNorm2d(below + skip), block(below + skip, channels, 5), block(channels, channels, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        below = functional.interpolate(self.deeper(self.down(x)), scale_factor=2, mode="bilinear")
        below = below[:, :, : x.shape[2], : x.shape[3]]
        return self.up(below if self.skip is None else torch.cat([self.skip(x), below], 1))


def unet(
    channels: int, levels: tuple[tuple[int, int], ...] = GENERATOR, head: type[nn.Module] = nn.Sigmoid
) -> nn.Module:
    return nn.Sequential(Level(channels, levels), nn.Conv2d(levels[0][0], channels, 1), head())


def kernel(values: np.ndarray) -> nn.Module:
    convolution = nn.Conv2d(1, 1, 7, padding=3, bias=False)
    convolution.weight.data = torch.tensor(values, dtype=torch.float32)[None, None]
    return convolution


def filters(mixing: str) -> list[nn.Module]:
    if mixing == "shallow":
        return [unet(1, FILTER), unet(1, FILTER)]
    laplacian = np.zeros((7, 7))
    laplacian[3, 2:5] = laplacian[2:5, 3] = 1
    laplacian[3, 3] = -4
    return [kernel(np.full((7, 7), 1 / 49)), kernel(laplacian)]


def exclusion(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    total = one.new_zeros(())
    for scale in range(5):
        if scale:
            one, other = functional.avg_pool2d(one, 2), functional.avg_pool2d(other, 2)
        for axis in (2, 3):
            product = torch.tanh(one.diff(dim=axis) / 2) * torch.tanh(other.diff(dim=axis) / 2)
            total = total + product.square().mean() ** 0.25
    return total / 90


class Fit:
    """The double DIP of one pair, (2, H, W) scaled to [0, 1]."""

    def __init__(self, pair: np.ndarray, mixing: str, gamma: float, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.pair = torch.tensor(pair, dtype=torch.float32, device=DEVICE)[:, None, None]
        self.gamma, self.epoch = gamma, 0
        self.networks = nn.ModuleList([unet(1), unet(1), unet(2, head=nn.Identity), *filters(mixing)]).to(DEVICE)
        self.latents = [(torch.rand(1, channels, *pair.shape[1:]) - 0.5).to(DEVICE) for channels in (1, 1, 2)]
        self.adam = torch.optim.Adam(self.networks.parameters(), 1e-3)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.adam, 500, 0.9)

    def step(self) -> float:
        """One epoch of gradient descent on eq. (5)."""
        first, second, weights, f1, f2 = self.networks
        y1, y2, raw = (net(z) for net, z in zip((first, second, weights), self.latents, strict=True))
        alpha = 0.9 * torch.sigmoid(raw[0, :, raw.shape[2] // 2, raw.shape[3] // 2]) + 0.05
        modelled = torch.stack([alpha[0] * y1 + (1 - alpha[0]) * f1(y2), alpha[1] * f2(y1) + (1 - alpha[1]) * y2])
        loss = (modelled - self.pair).square().mean((1, 2, 3, 4)).sum() + self.gamma * exclusion(y1, y2)
        if self.epoch < 100:
            loss = loss + 0.5 * (alpha - 0.5).square().sum()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.schedule.step()
        self.epoch, self.slices = self.epoch + 1, (y1, y2)
        return float(loss.detach())


def serve(side: int) -> None:
    """Epochs on request, for the benchmark: random pair, shallow filters."""
    fit = Fit(np.random.default_rng(0).random((2, side, side)), "shallow", GAMMA["shallow"])
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            fit.step()
        seconds = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_bytes": memory}), flush=True)


@click.command(help=__doc__)
@click.argument("slices", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("peer"), show_default=True)
@click.option("--mixing", type=click.Choice(list(GAMMA)), default="shallow", show_default=True)
@click.option("--gamma", type=float, help="Weight of the exclusion loss; 0.1 shallow, 0.4 kernel.")
@click.option("--epochs", type=int, default=2500, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=int, help="Threads; as many as cores if left out.")
@click.option("--serve", "side", type=int, help="Wait for numbers of epochs to run on images of that side.")
def main(
    slices: tuple[str, ...],
    out: Path,
    mixing: str,
    gamma: float | None,
    epochs: int,
    seed: int,
    threads: int | None,
    side: int | None,
) -> None:
    if threads:
        torch.set_num_threads(threads)
    if side:
        serve(side)
        return
    if len(slices) != 2:
        raise click.UsageError("give two slices")
    images = np.stack([tifffile.imread(path) for path in slices]).astype(np.float32)
    fit = Fit((images - images.min()) / np.ptp(images), mixing, GAMMA[mixing] if gamma is None else gamma, seed)
    began = time.perf_counter()
    for epoch in range(1, epochs + 1):
        loss = fit.step()
        if epoch % 250 == 0 or epoch == epochs:
            print(f"epoch {epoch}: loss {loss:.3e}, {time.perf_counter() - began:.1f} s", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(fit.slices, 1):
        tifffile.imwrite(out / f"slice{number}.tif", image.detach().cpu().numpy()[0, 0])
    record = {"mixing": mixing, "gamma": fit.gamma, "epochs": epochs, "seconds": time.perf_counter() - began}
    (out / "peer.json").write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
