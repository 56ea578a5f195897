"""`find_learning_rate`: one sweep of the rate from too small to too large."""

import dataclasses
import itertools
import math

import keras
import numpy as np

from keras_transfer import files, first_batch, random_state, training_state
from keras_transfer.recipes.data_parts import parts

# How much of the average is what was before, for a curve that can be read.
_MEMORY = 0.9
_DIVERGED = 4.0


@dataclasses.dataclass
class LearningRateSweep:
    """What a sweep has measured.

    Attributes:
        rates: the rate of each step, rising.
        losses: the loss of each step's batch, before the step.
        smoothed: their running average, corrected for its start.
        suggestion: a rate to train with: a tenth of that with the lowest
            smoothed loss.
        steepest: the rate at which the smoothed loss falls fastest.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    steepest: float

    def plot(self, path=None):
        """Draws the loss over the rate.

        Args:
            path: a PNG file to write, or `None`.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, alpha=0.3, label="loss of a batch")
        axes.plot(self.rates, self.smoothed, label="smoothed")
        axes.axvline(
            self.suggestion, color="C2", ls="--",
            label=f"suggestion {self.suggestion:.1e}",
        )  # fmt: skip
        axes.axvline(
            self.steepest, color="C3", ls=":",
            label=f"steepest {self.steepest:.1e}",
        )  # fmt: skip
        low, high = self.smoothed.min(), self.smoothed[0]
        room = max(high - low, 1e-3)
        axes.set(
            xscale="log", xlabel="learning rate", ylabel="loss",
            ylim=(low - 0.3 * room, high + 1.5 * room),
        )  # fmt: skip
        axes.legend()
        if path is not None:
            with files.replacing(path) as temporary:
                figure.savefig(temporary, dpi=120, format="png")
        return figure


def find_learning_rate(
    model,
    data,
    *,
    min_rate=1e-7,
    max_rate=1.0,
    num_steps=100,
    batch_size=32,
    seed=0,
    verbose="auto",
):
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
    batches, _ = parts(data, None, batch_size=batch_size, seed=seed)
    first_batch.examine(batches[0], model)
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
    return _read_off(rates[: len(losses)], np.array(losses))


def _sweep(model, batches, rates, verbose):
    """Returns the loss of each step, until they diverge."""
    bar = keras.utils.Progbar(
        len(rates),
        verbose=1 if verbose == "auto" else verbose,
        stateful_metrics=["loss", "rate"],
    )
    losses, average, best = [], 0.0, math.inf
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
        average = _MEMORY * average + (1 - _MEMORY) * loss
        smoothed = average / (1 - _MEMORY**step)
        best = min(best, smoothed)
        bar.update(step, [("loss", loss), ("rate", rate)])
        if smoothed > _DIVERGED * best:
            break
    bar.update(len(losses), finalize=True)
    return losses


def _endless(batches):
    for epoch in itertools.count():
        for index in range(len(batches)):
            yield batches.read(batches.sample_ids(index, epoch))


def _read_off(rates, losses):
    if len(losses) < 5:
        raise ValueError(
            "The loss diverged before anything could be read off. Received: "
            f"{len(losses)} steps with a finite loss. Start from a smaller "
            "min_rate, or look at the data: labels and pixels may be wrong."
        )
    weights = 1 - _MEMORY ** np.arange(1, len(losses) + 1)
    average, smoothed = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        average = _MEMORY * average + (1 - _MEMORY) * loss
        smoothed[step] = average / weights[step]
    lowest = int(smoothed.argmin())
    slopes = np.gradient(smoothed, np.log(rates))
    steepest = int(slopes[: lowest + 1].argmin())
    return LearningRateSweep(
        rates,
        losses,
        smoothed,
        float(rates[lowest] / 10),
        float(rates[steepest]),
    )


def _check(model, min_rate, max_rate, num_steps):
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


def _set_rate(optimizer, rate):
    try:
        optimizer.learning_rate = rate
    except TypeError as error:
        raise ValueError(
            "find_learning_rate sets the learning rate of each step, and this "
            "optimizer's follows a schedule. Compile with a number, for "
            "example keras.optimizers.Adam(1e-3), find a rate, and build the "
            "schedule from that."
        ) from error
