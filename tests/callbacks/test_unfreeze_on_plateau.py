"""Blocks join when a quantity has stopped improving, and only then."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.training.freezing import freeze_state

NUM_BLOCKS = 4


def dense_stack():
    inputs = keras.Input((6,))
    x = inputs
    for index in range(NUM_BLOCKS):
        x = keras.layers.Dense(4, activation="tanh", name=f"dense{index}")(x)
    return inputs, x


def compiled(model, metrics=("accuracy",), **options):
    model.compile(
        keras.optimizers.SGD(0.01),
        "sparse_categorical_crossentropy",
        metrics=list(metrics),
        **options,
    )
    return model


def transfer_model():
    return kt.TransferModel(
        keras.Model(*dense_stack()),
        head=3,
        preprocessing=None,
        output_layer=f"dense{NUM_BLOCKS - 1}",
    )


@pytest.fixture
def model():
    return compiled(transfer_model())


@pytest.fixture
def plain_model():
    """A model that is no TransferModel, frozen by hand."""
    inputs, x = dense_stack()
    x = keras.layers.Dense(3, activation="softmax")(x)
    model = compiled(keras.Model(inputs, x))
    kt.freeze(model)
    return model


@pytest.fixture
def samples(rng):
    return rng.normal(size=(16, 6)).astype("float32"), np.arange(16) % 3


def depth(model):
    return freeze_state(model).depth


def scripted(callback, model, values):
    """Runs the hooks by hand; returns the depth after each epoch."""
    callback.set_model(model)
    callback.set_params({"epochs": len(values)})
    callback.on_train_begin()
    depths = []
    for epoch, value in enumerate(values):
        before = depth(model)
        logs = {"loss": 1.0, "accuracy": 0.5, callback.monitor: value}
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_end(0, logs)
        callback.on_epoch_end(epoch, logs)
        assert logs["trainable_blocks"] == before
        depths.append(depth(model))
    return depths


# name: (arguments, values, depth after each epoch)
SCRIPTS = {
    "patience counts epochs without improvement": (
        {"patience": 2},
        [5, 4, 4, 4, 4, 4],
        [0, 0, 0, 1, 1, 2],
    ),
    "an improvement starts the count again": (
        {"patience": 2},
        [5, 5, 4, 4, 3, 3, 3],
        [0, 0, 0, 0, 0, 0, 1],
    ),
    "patience 0 is patience 1": (
        {"patience": 0},
        [5, 4, 4, 3],
        [0, 0, 1, 1],
    ),
    "a gain of less than min_delta is none": (
        {"patience": 1, "min_delta": 0.5},
        [5.0, 4.75, 4.25, 4.0, 3.5],
        [0, 1, 1, 2, 2],
    ),
    "a gain of min_delta is none": (
        {"patience": 1, "min_delta": 0.5},
        [5.0, 4.5, 4.0],
        [0, 1, 1],
    ),
    "the sign of min_delta does not matter": (
        {"patience": 1, "min_delta": -0.5},
        [5.0, 4.75, 4.25],
        [0, 1, 1],
    ),
    "the best is kept over a change": (
        {"patience": 1},
        [3, 4, 3.5, 2],
        [0, 1, 2, 2],
    ),
    # As in ReduceLROnPlateau, the epoch that ends the cooldown counts.
    "cooldown holds the count": (
        {"patience": 1, "cooldown": 2},
        [3, 3, 3, 3, 3, 3],
        [0, 1, 1, 2, 2, 3],
    ),
    "an improvement in the cooldown counts": (
        {"patience": 1, "cooldown": 3},
        [3, 3, 2, 2.5, 2.5],
        [0, 1, 1, 1, 2],
    ),
    "max_blocks ends it": (
        {"patience": 1, "max_blocks": 2},
        [3, 3, 3, 3, 3],
        [0, 1, 2, 2, 2],
    ),
    "max_blocks 0 never begins": (
        {"patience": 1, "max_blocks": 0},
        [3, 3, 3],
        [0, 0, 0],
    ),
    "all blocks end it": (
        {"patience": 1},
        [3, 3, 3, 3, 3, 3, 3],
        [0, 1, 2, 3, 4, 4, 4],
    ),
    "several at a time": (
        {"patience": 1, "blocks": 2},
        [3, 3, 3, 3],
        [0, 2, 4, 4],
    ),
    "several at a time, as far as max_blocks": (
        {"patience": 1, "blocks": 2, "max_blocks": 3},
        [3, 3, 3, 3],
        [0, 2, 3, 3],
    ),
    "mode max": (
        {"patience": 1, "mode": "max", "monitor": "mine"},
        [0.5, 0.75, 0.5, 0.75, 1.0],
        [0, 0, 1, 2, 2],
    ),
    "mode min": (
        {"patience": 1, "mode": "min", "monitor": "mine"},
        [0.5, 0.75, 0.25],
        [0, 1, 1],
    ),
    "mode auto of a loss": (
        {"patience": 1, "monitor": "loss"},
        [0.5, 0.75, 0.25],
        [0, 1, 1],
    ),
    "mode auto of an accuracy": (
        {"patience": 1, "monitor": "val_accuracy"},
        [0.5, 0.75, 0.5, 1.0],
        [0, 0, 1, 1],
    ),
    "a loss may be negative": (
        {"patience": 1},
        [-1, -2, -2, -3],
        [0, 0, 1, 1],
    ),
}


@pytest.mark.parametrize("kind", ["model", "plain_model"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name, kind, request, samples):
    arguments, values, expected = SCRIPTS[name]
    model = request.getfixturevalue(kind)
    if arguments.get("monitor") == "val_accuracy":
        # The metrics are there once they have seen a batch.
        model.evaluate(*samples, verbose=0)
    callback = kt.UnfreezeOnPlateau(**arguments)
    assert scripted(callback, model, values) == expected


@pytest.mark.parametrize("seed", range(4))
def test_it_acts_when_reduce_lr_on_plateau_does(model, seed):
    """The arguments mean the same; eighths have no rounding error."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 24, size=30) / 8
    arguments = {
        "monitor": "loss",
        "patience": int(rng.integers(0, 4)),
        "min_delta": rng.integers(0, 5) / 8,
        "cooldown": int(rng.integers(0, 4)),
    }
    reference = keras.callbacks.ReduceLROnPlateau(factor=0.5, **arguments)
    reference.set_model(model)
    reference.on_train_begin()
    acts, rate = [], float(model.optimizer.learning_rate)
    for epoch, value in enumerate(values):
        reference.on_epoch_end(epoch, {"loss": value})
        after = float(model.optimizer.learning_rate)
        acts.append(after < rate)
        rate = after
    depths = scripted(kt.UnfreezeOnPlateau(**arguments), model, values)
    expected = np.minimum(np.cumsum(acts), NUM_BLOCKS)
    assert any(acts)
    assert depths == expected.tolist()


def test_it_goes_on_from_the_depth_that_the_model_has(model):
    kt.set_trainable_depth(model, 3)
    few = kt.UnfreezeOnPlateau(patience=1, max_blocks=2)
    assert scripted(few, model, [1, 1, 1]) == [3, 3, 3]
    more = kt.UnfreezeOnPlateau(patience=1)
    assert scripted(more, model, [1, 1, 1]) == [3, 4, 4]


def test_a_second_fit_counts_anew(model):
    callback = kt.UnfreezeOnPlateau(patience=2)
    assert scripted(callback, model, [1, 1]) == [0, 0]
    assert scripted(callback, model, [5, 4, 4, 4]) == [0, 0, 0, 1]


def test_verbose_prints_the_change(model, capsys):
    callback = kt.UnfreezeOnPlateau(patience=1, verbose=1)
    scripted(callback, model, [1, 1])
    assert capsys.readouterr().out == (
        "\nEpoch 2: 'val_loss' has stopped improving; 1 of 4 blocks train "
        "from now on\n"
    )


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", ["model", "plain_model"])
def test_a_fit_that_early_stopping_ends(kind, request, samples):
    model = request.getfixturevalue(kind)
    before = [block_values(model, index) for index in range(NUM_BLOCKS)]
    history = model.fit(
        *samples,
        validation_data=samples,
        epochs=20,
        batch_size=8,
        verbose=0,
        callbacks=[
            # Nothing is ever an improvement of 1000, so both only count.
            kt.UnfreezeOnPlateau(patience=1, min_delta=1e3),
            keras.callbacks.EarlyStopping(patience=4, min_delta=1e3),
        ],
    )
    # Changes after the epochs 1, 2, 3 and 4; the last trains no more.
    assert history.history["trainable_blocks"] == [0, 0, 1, 2, 3]
    assert depth(model) == NUM_BLOCKS
    moved = [
        not same(block_values(model, index), before[index])
        for index in range(NUM_BLOCKS)
    ]
    assert moved == [False, True, True, True]


def block_values(model, index):
    return [
        np.array(keras.ops.convert_to_numpy(weight))
        for layer in freeze_state(model).blocks[index].layers
        for weight in layer.weights
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -np.inf])
def test_a_value_that_is_no_number_is_an_error(model, value):
    callback = kt.UnfreezeOnPlateau(patience=5)
    with pytest.raises(ValueError, match=r"after epoch 2.* diverged"):
        scripted(callback, model, [1.0, value])


@pytest.mark.parametrize("mode", ["auto", "min"])
@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_a_monitor_that_never_appears_is_an_error_after_the_first_step(
    samples, mode, steps_per_execution
):
    if keras.backend.backend() == "torch" and steps_per_execution > 1:
        pytest.skip("torch runs one step at a time")
    model = compiled(transfer_model(), steps_per_execution=steps_per_execution)
    callback = kt.UnfreezeOnPlateau(monitor="val_auc", mode=mode)
    with pytest.raises(ValueError, match=r"'val_auc'.* Logged are: .*loss"):
        model.fit(
            *samples,
            validation_data=samples,
            batch_size=2,
            verbose=0,
            callbacks=[callback],
        )
    _private.sync_state(model)
    assert int(model.optimizer.iterations) == steps_per_execution
    assert model.history.epoch == []


def test_a_monitor_that_never_appears_in_a_plain_fit(plain_model, samples):
    """There it may come from anywhere, so an epoch has to pass."""
    callback = kt.UnfreezeOnPlateau(monitor="val_auc", mode="max")
    with pytest.raises(ValueError, match=r"'val_auc'.* Logged are: .*loss"):
        plain_model.fit(*samples, epochs=9, verbose=0, callbacks=[callback])
    assert len(plain_model.history.epoch) <= 1


def test_no_validation_data_is_an_error_before_anything_trains(model, samples):
    with pytest.raises(ValueError, match="no validation data"):
        model.fit(*samples, verbose=0, callbacks=[kt.UnfreezeOnPlateau()])
    assert int(model.optimizer.iterations) == 0


def test_a_share_of_the_samples_validates(model, samples):
    history = model.fit(
        *samples,
        validation_split=0.5,
        epochs=3,
        verbose=0,
        callbacks=[kt.UnfreezeOnPlateau(patience=1, min_delta=1e3)],
    )
    assert history.history["trainable_blocks"] == [0, 0, 1]


def test_epochs_without_validation_do_not_count(model, samples):
    plateau = kt.UnfreezeOnPlateau(patience=1, min_delta=1e3)
    history = model.fit(
        *samples,
        validation_data=samples,
        validation_freq=2,
        epochs=5,
        verbose=0,
        callbacks=[plateau],
    )
    # Validation after the second and the fourth epoch.
    assert history.history["trainable_blocks"] == [0, 0, 0, 0, 1]


class Logs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = 1.0


def log_mine(epoch, logs):
    logs["mine"] = 1.0


@pytest.mark.parametrize(
    "other",
    [Logs, lambda: keras.callbacks.LambdaCallback(on_epoch_end=log_mine)],
    ids=["a class", "LambdaCallback"],
)
def test_another_callback_may_log_the_quantity(model, samples, other):
    plateau = kt.UnfreezeOnPlateau("mine", patience=1, mode="min")
    history = model.fit(
        *samples, epochs=3, verbose=0, callbacks=[other(), plateau]
    )
    assert history.history["trainable_blocks"] == [0, 0, 1]


def test_a_direction_that_is_not_known_has_to_be_said(model, samples):
    plateau = kt.UnfreezeOnPlateau("mine", patience=1)
    with pytest.raises(ValueError, match=r"UnfreezeOnPlateau.*mode='max'"):
        model.fit(*samples, verbose=0, callbacks=[Logs(), plateau])


def test_the_direction_of_a_metric_of_ones_own_has_to_be_said(samples):
    def distance(y_true, y_pred):
        return keras.ops.mean(y_pred)

    model = compiled(transfer_model(), metrics=[distance])
    plateau = kt.UnfreezeOnPlateau("distance", patience=1)
    with pytest.raises(ValueError, match=r"UnfreezeOnPlateau.*mode='max'"):
        model.fit(*samples, verbose=0, callbacks=[plateau])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks", 0),
        ("blocks", -1),
        ("blocks", 1.0),
        ("blocks", True),
        ("blocks", None),
        ("patience", -1),
        ("patience", 2.5),
        ("patience", False),
        ("patience", "2"),
        ("cooldown", -1),
        ("cooldown", 0.5),
        ("cooldown", True),
        ("mode", "median"),
        ("mode", None),
    ],
)
def test_bad_arguments(name, value):
    with pytest.raises(ValueError, match=rf"{name}=.*|`{name}`"):
        kt.UnfreezeOnPlateau(**{name: value})


@pytest.mark.parametrize("value", [5, -1, 1.5, True, "2"])
def test_max_blocks_that_the_model_does_not_have(model, samples, value):
    callback = kt.UnfreezeOnPlateau("loss", max_blocks=value)
    with pytest.raises(ValueError, match=r"`max_blocks`.*from 0 .* to 4"):
        model.fit(*samples, verbose=0, callbacks=[callback])
    assert int(model.optimizer.iterations) == 0
