"""`find_learning_rate`: one sweep of the rate from too small to too large."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_transfer._private.types import Data, Verbose
from keras_transfer.recipes.data_parts import parts
from keras_transfer.recipes.learning_rate_sweep import read_off, smoothed
from keras_transfer.storage.printing import silent_at_verbose_0
from keras_transfer.storage.progress_bars import progress_bar
from keras_transfer.training import random_state, training_state

if TYPE_CHECKING:
    from keras_transfer.data.seeded_batches import SeededBatches
    from keras_transfer.models.transfer.transfer_model import TransferModel
    from keras_transfer.recipes.learning_rate_sweep import LearningRateSweep

_DIVERGED = 4.0


@silent_at_verbose_0
def find_learning_rate(
    model: TransferModel,
    data: Data,
    *,
    min_rate: float = 1e-7,
    max_rate: float = 1.0,
    num_steps: int = 100,
    batch_size: int = 32,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> LearningRateSweep:
    """Trains with a rate that rises at each step, and reads off a good one.

    The rate rises exponentially from `min_rate` to `max_rate`. The sweep ends
    early where the smoothed loss is not a number, or four times its lowest.
    Afterwards the model is as it was: weights, optimizer state, learning rate,
    what is frozen, and all generators of random numbers.

    Args:
        model: a compiled `TransferModel`, frozen as it is going to be trained.
        data: training data: what `data.load` returns, arrays `(x, y)`, or
            another data set that `fit` takes.
        min_rate: rate of the first step, above 0.
        max_rate: rate of the last step.
        num_steps: steps; the data are gone through as often as it takes.
        batch_size: samples a step, for arrays.
        seed: seed of the order, for arrays.
        verbose: 0 shows no progress.

    Returns:
        A `LearningRateSweep`.

    Raises:
        ValueError: the model is not compiled, or its rate follows a schedule;
            rates that do not rise; too few steps before the loss diverged.

    Example:

    ```python
    model.compile("auto")
    sweep = find_learning_rate(model, (images, labels))
    model.optimizer.learning_rate = sweep.suggestion
    ```

    Reference:
        Smith 2017, Cyclical Learning Rates for Training Neural Networks
        (the range test).
    """
    _check(model, min_rate, max_rate, num_steps)
    batches, _ = parts(
        data, None, model=model, batch_size=batch_size, seed=seed
    )
    rates = np.geomspace(min_rate, max_rate, num_steps)
    generators = random_state.collect()
    training_state.prepare(model)
    arrays, info = training_state.collect(model)
    try:
        losses = _sweep(model, batches, rates, verbose)
    finally:
        training_state.restore(model, arrays, info)
        model.reset_metrics()
        random_state.restore(*generators)
    return read_off(rates[: len(losses)], np.array(losses))


def _sweep(
    model: TransferModel,
    batches: SeededBatches,
    rates: np.ndarray,
    verbose: Verbose,
) -> list[float]:
    """Returns the loss of each step, until they diverge."""
    bar = progress_bar(len(rates), verbose, stateful_metrics=["loss", "rate"])
    losses = []
    walk = _endless(batches)
    for step, rate in enumerate(rates, start=1):
        _set_rate(model.optimizer, float(rate))
        x, y, weights = keras.utils.unpack_x_y_sample_weight(next(walk))
        # The loss that Keras reports is an average since the last reset.
        model.reset_metrics()
        logs = model.train_on_batch(x, y, weights, return_dict=True)
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            break
        losses.append(loss)
        bar.update(step, [("loss", loss), ("rate", rate)])
        average = smoothed(losses)
        if average[-1] > _DIVERGED * average.min():
            break
    bar.update(len(losses), finalize=True)
    return losses


def _endless(batches: SeededBatches) -> Iterator[tuple]:
    for epoch in itertools.count():
        for index in range(len(batches)):
            yield batches.read(batches.sample_ids(index, epoch))


def _check(
    model: TransferModel, min_rate: float, max_rate: float, num_steps: int
) -> None:
    if not getattr(model, "compiled", False):
        raise ValueError(
            "find_learning_rate needs a compiled model. Call "
            "model.compile('auto'), or compile with the optimizer that you "
            "are going to use."
        )
    if not 0 < min_rate < max_rate:
        raise ValueError(
            "The rates of the sweep must rise from above 0. Received: "
            f"min_rate={min_rate}, max_rate={max_rate}. Expected for example "
            "1e-7 and 1.0."
        )
    if num_steps < 10:
        raise ValueError(
            f"A sweep needs at least 10 steps. Received: num_steps={num_steps}."
        )


def _set_rate(optimizer: keras.optimizers.Optimizer, rate: float) -> None:
    try:
        optimizer.learning_rate = rate
    except TypeError as error:
        raise ValueError(
            "find_learning_rate sets the learning rate of each step, and this "
            "optimizer's follows a schedule. Compile with a number, for "
            "example keras.optimizers.Adam(1e-3), find a rate, and build the "
            "schedule from that."
        ) from error
