"""The fit of one stack of slices: outliers out, then the way of its mixing."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence

import keras

from ddip_tf import environment
from ddip_tf._types import Floats
from ddip_tf.config import FitConfig, preset
from ddip_tf.errors import InputError
from ddip_tf.slices.separation import Separation
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training import solving
from ddip_tf.training.checkpoint import Checkpoints
from ddip_tf.training.coupled_fit import fit_coupled
from ddip_tf.training.device import start_tensorflow, threads_in_use
from ddip_tf.training.result import completed
from ddip_tf.training.transfer_fit import fit_transfer

LOGGER = logging.getLogger(__name__)


def fit(
    stack: SliceStack,
    config: FitConfig | None = None,
    *,
    start: Floats | None = None,
    half: Floats | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    device: str = "auto",
    threads: int | None = None,
    checkpoints: Checkpoints | None = None,
    stop: Callable[[], str | None] | None = None,
) -> Separation:
    """Separate the slices of ``stack``.

    With mixing shallow, kernel or linear: minimise eq. (5) of Du, Huang & Jacobsen, J. Synchrotron Rad. 28 (2021), over
    all generators and the mixing at once. With mixing transfer: `ddip_tf.training.transfer_fit.fit_transfer`. Outliers
    of single pixels are replaced before (`ddip_tf.slices.outliers`); they stay in the input, and so
    in ``smoothed`` with mixing transfer, in the ghosts with the others.

    Parameters
    ----------
    stack
        N ≥ 2 slices (N, H, W).
    config
        settings; those of ``preset("default")`` if None.
    start
        (2, H, W) the initial guess from which the reconstruction of two slices started, in their unit
        (`ddip_tf.transfer.start`); with mixing transfer.
    half
        (N, H, W) the other half of the scan, where the slices are of one; or (2, N, H, W) both halves, where they are
        of the whole (`ddip_tf.transfer.halves`); with mixing transfer.
    callbacks
        Keras callbacks: ``on_epoch_end`` comes for every epoch, with all loss terms in ``logs``, after each
        chunk of ``config.chunk`` epochs; ``self.model(self.params["latents"])`` then are the images of the chunk's
        last weights, in the generators' unit (`ddip_tf.training.callbacks.dispatch`).
        ``self.model.stop_training = True`` ends the fit after the chunk. Weights that a callback restores are not
        kept: the result is the last epoch's, as in the paper. The learning rate is the fit's own: callbacks that read
        or set it are refused. Prior tv calls back once, at its end.
    device, threads
        see `ddip_tf.training.device.start_tensorflow`. Same seed, machine and threads: same bits.
    checkpoints
        where the state of an unfinished fit is kept; a fit that goes on from there ends in the same bits as one that
        was never stopped. Callbacks hear of the epochs after it only. Prior tv takes no checkpoints.
    stop
        asked about every second: a reason to stop, or None.

    Returns
    -------
    Separation

    Raises
    ------
    InputError
        no `SliceStack`, a start or halves that cannot be right or that the settings do not use, a device that
        TensorFlow does not see, a state of another fit, or a callback that asks for the learning rate.
    FloatingPointError
        the loss is no longer finite.
    Interrupted
        ``stop`` gave a reason; the state is in ``checkpoints``.
    RunError
        a checkpoint cannot be written.

    Examples
    --------
    >>> stack = ddip_tf.read("slice1.tif", "slice2.tif")
    >>> separation = ddip_tf.fit(stack, ddip_tf.preset("quick"))
    >>> separation.outputs.shape, sorted(separation.generators), separation.status
    ((2, 96, 101), ['slice1', 'slice2'], 'done')
    """
    if not isinstance(stack, SliceStack):
        raise InputError("give a SliceStack: ddip_tf.read(files) or ddip_tf.SliceStack(array) makes one")
    config = config or preset("default")
    stack = stack if start is None and half is None else stack.beside(start, half)
    prepare = functools.partial(solving.prepared, stack, config, threads or environment.available_cores())
    return fit_prepared(stack, config, prepare, callbacks, device, threads, checkpoints, stop)


def fit_prepared(
    stack: SliceStack,
    config: FitConfig,
    prepare: Callable[[], solving.Prepared],
    callbacks: Sequence[keras.callbacks.Callback],
    device: str,
    threads: int | None,
    checkpoints: Checkpoints | None,
    stop: Callable[[], str | None] | None,
) -> Separation:
    """`fit` of a ``stack`` that ``prepare`` brings so far: here and now, or in another process since a while."""
    device_name = start_tensorflow(device, threads, networks=len(stack) + 1)
    LOGGER.info("fit begins on %s, threads %s", device_name, threads_in_use())
    prepared = prepare()
    if prepared.solved is None:
        separation = fit_coupled(prepared.clean, config, device_name, callbacks, checkpoints, stop)
    else:
        LOGGER.info("mixing %s, solved in %.1f s", prepared.solved.rung, prepared.seconds)
        separation = fit_transfer(prepared, config, device_name, callbacks, checkpoints, stop)
    return completed(separation, stack, prepared.replaced)
