"""Statistics of batch normalisation, taken anew from training batches."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator

import keras
from keras import ops

from keras_transfer import _private
from keras_transfer.training import random_state
from keras_transfer.training.in_training import InTraining
from keras_transfer.training.replicas import each_in_full

NUM_BATCHES = 30


class StatisticsPass:
    """Takes the batch-norm statistics of a model anew, as often as asked.

    Each moving mean and variance becomes the mean of those of `num_batches`
    training batches, all of them seen with the weights as they are now. Only
    layers that train are touched, and no random generator has moved
    afterwards.

    Args:
        model: a `keras.Model` whose input the batches are for.
        num_batches: most batches that are looked at.

    Reference:
        Wu and Johnson 2021, Rethinking "Batch" in BatchNorm (precise batch
        norm).
    """

    def __init__(self, model: keras.Model, num_batches: int = NUM_BATCHES):
        self.model, self.num_batches = model, num_batches
        # Traced once for all passes.
        self._runner = InTraining(model)

    def run(self, batches: Iterable) -> list[keras.layers.BatchNormalization]:
        """Looks at batches of `fit` and renews the statistics.

        Args:
            batches: an iterable of `x`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            The layers whose statistics are new.

        Raises:
            ValueError: there is no batch.
        """
        layers = training_norms(self.model)
        if not layers:
            return []
        _private.sync_state(self.model)
        statistics = _statistics(layers)
        sums: list = [0.0] * len(statistics)
        count = 0
        batches = itertools.islice(batches, self.num_batches)
        with _looking(layers), _no_draw_counts(self.model), each_in_full():
            for batch in batches:
                count += 1
                x, *_ = keras.utils.unpack_x_y_sample_weight(batch)
                self._runner.predict_on_batch(x)
                for index, statistic in enumerate(statistics):
                    found = ops.convert_to_numpy(statistic)
                    sums[index] = sums[index] + found.astype("float64")
        if not count:
            raise ValueError(
                "Batch-norm statistics are taken from training batches. "
                "Received: data without a batch."
            )
        for statistic, total in zip(statistics, sums, strict=True):
            statistic.assign((total / count).astype(statistic.dtype))
        return layers


def training_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns the batch-norm layers of a model that train now."""
    return [
        layer
        for layer in _private.leaf_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
        and not getattr(layer, "renorm", False)
    ]


def _statistics(
    layers: list[keras.layers.BatchNormalization],
) -> list[keras.Variable]:
    return [
        statistic
        for layer in layers
        for statistic in (layer.moving_mean, layer.moving_variance)
    ]


@contextlib.contextmanager
def _looking(layers: list[keras.layers.BatchNormalization]) -> Iterator[None]:
    """Lets moving statistics be those of the last batch alone."""
    before = [(layer.momentum, layer.synchronized) for layer in layers]
    try:
        for layer in layers:
            # Each device sees the whole batch.
            layer.momentum, layer.synchronized = 0.0, False
        yield
    finally:
        for layer, kept in zip(layers, before, strict=True):
            layer.momentum, layer.synchronized = kept


@contextlib.contextmanager
def _no_draw_counts(model: keras.Model) -> Iterator[None]:
    """Puts all random generators back to where they were."""
    shared = random_state.collect()
    states = _private.seed_states(model)
    before = [ops.convert_to_numpy(state) for state in states]
    try:
        yield
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)
        random_state.restore(*shared)
