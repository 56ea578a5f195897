"""Trains with and without a feature cache, and compares all that is there."""

import contextlib

import keras
import numpy as np
from doubles import vectors
from rounding import kernels_ignore_the_batch
from small_nets import built, dense_net, values

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.feature_cache import building

NUM, BATCH, CLASSES = 20, 8, 3


def net(below=None):
    """Returns four blocks of a dense layer, a batch norm in one.

    Args:
        below: By number of a block, a function that makes one more layer.
    """
    after = {1: [lambda: keras.layers.BatchNormalization(name="norm1")]}
    for index, make in (below or {}).items():
        after[index] = [*after.get(index, []), make]
    made = dense_net(after=after)
    for number, weights in enumerate(made.weights):
        # Statistics of batch norm that are not 0 and 1.
        weights.assign(weights + 0.1 * (number % 3))
    return made


def adam():
    return keras.optimizers.Adam(0.02)


def made(make=adam, depth=0, below=None, compiled=None, **options):
    """Returns a compiled model on `net`, the same each time."""
    return built(
        lambda: net(below),
        make,
        depth=depth,
        compiled={"metrics": ["accuracy"]} | (compiled() if compiled else {}),
        **{"preprocessing": keras.layers.Rescaling(0.5)} | options,
    )


class Recorder(keras.callbacks.Callback):
    """What a callback is told, and how it finds the model then."""

    def __init__(self):
        super().__init__()
        self.said = []

    def on_train_begin(self, logs=None):
        self.said.append(("train begin", dict(self.params)))

    def on_train_end(self, logs=None):
        self.said.append(("train end", sorted(logs or {})))

    def on_epoch_begin(self, epoch, logs=None):
        self.said.append(("epoch begin", epoch, self.model.trainable_depth))

    def on_epoch_end(self, epoch, logs=None):
        self.said.append(("epoch end", epoch, list(logs), *logs.values()))

    def on_train_batch_begin(self, batch, logs=None):
        self.said.append(("batch begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.said.append(("batch end", batch, *logs.values()))

    def on_test_begin(self, logs=None):
        self.said.append(("test begin",))

    def on_test_batch_end(self, batch, logs=None):
        self.said.append(("test batch", batch))

    def on_test_end(self, logs=None):
        self.said.append(("test end", sorted(logs)))


def assert_close(a, b, **kwargs):
    if kernels_ignore_the_batch():
        np.testing.assert_array_equal(a, b, **kwargs)
    else:
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, **kwargs)


def assert_same_history(history, expected):
    assert history.epoch == expected.epoch
    assert list(history.history) == list(expected.history)
    for name, series in expected.history.items():
        assert_close(history.history[name], series, err_msg=name)


def assert_same_model(model, expected):
    for a, b in zip(model.variables, expected.variables, strict=True):
        assert_close(*values([a, b]), err_msg=b.path)
    for a, b in zip(
        model.optimizer.variables, expected.optimizer.variables, strict=True
    ):
        assert_close(*values([a, b]), err_msg=b.path)
    flags = [layer.trainable for layer in _private.leaf_layers(model)]
    assert flags == [
        layer.trainable for layer in _private.leaf_layers(expected)
    ]


def assert_same_said(said, expected):
    """Numbers in what callbacks were told may differ where kernels do."""
    assert len(said) == len(expected)
    for a, b in zip(said, expected, strict=True):
        if kernels_ignore_the_batch():
            assert a == b
            continue
        for one, other in zip(a, b, strict=True):
            if isinstance(one, float):
                assert_close(one, other)
            else:
                assert one == other


def arrays(**kwargs):
    return lambda: (vectors(), {"batch_size": BATCH, **kwargs})


def validation_arrays():
    return vectors(9, seed=1)


def fit(model, make_data, feature_cache, extra, validation=None, **kwargs):
    keras.utils.set_random_seed(11)
    positional, options = make_data()
    return model.fit(
        *positional,
        **{
            "epochs": 3,
            "verbose": 0,
            "validation_data": validation() if validation else None,
            "callbacks": extra,
            "feature_cache": feature_cache,
            **options,
            **kwargs,
        },
    )


def both(
    make_data,
    make_callbacks=tuple,
    feature_cache="memory",
    model=None,
    **kwargs,
):
    """Trains with and without a cache and compares all that is there.

    Returns:
        The cached side: model, History, and the recorder.
    """
    sides = []
    for cache in (None, feature_cache):
        side, recorder = made(**(model or {})), Recorder()
        history = fit(
            side, make_data, cache, [*make_callbacks(), recorder], **kwargs
        )
        sides.append((side, history, recorder))
    (expected, wanted, told), (cached, history, recorder) = sides
    assert_same_history(history, wanted)
    assert_same_model(cached, expected)
    assert_same_said(recorder.said, told.said)
    return sides[1]


@contextlib.contextmanager
def counted(monkeypatch):
    """Collects the number of rows of each run of a prefix."""
    rows, whole = [], building.prefix.run

    def counting(prefix, x, **kwargs):
        outputs = whole(prefix, x, **kwargs)
        rows.append(len(outputs[0]))
        return outputs

    with monkeypatch.context() as patch:
        patch.setattr(building.prefix, "run", counting)
        yield rows


def scheduled(*depths):
    def schedule(epoch, num_blocks):
        return num_blocks if depths[epoch] == "all" else depths[epoch]

    return lambda: [kt.FreezingScheduler(schedule)]
