"""An interrupted run that is started again ends as one that was not."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.storage import checkpoint_folder

layers = keras.layers
optimizers = keras.optimizers
callbacks = keras.callbacks

EPOCHS = 6


def backbone(units=5):
    """Three blocks of a dense layer over 6 features; unnamed but the top."""
    inputs = x = keras.Input((6,))
    x = layers.Dense(units, activation="tanh")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(units, activation="tanh")(x)
    x = layers.Dense(units, activation="tanh", name="top")(x)
    return keras.Model(inputs, x)


def adamw():
    return optimizers.AdamW(0.02, weight_decay=0.1)


def averaging():
    return kt.LayerwiseOptimizer(
        optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.8), decay=0.8
    )


def built(make=adamw, **changes):
    keras.utils.set_random_seed(7)
    model = kt.TransferModel(
        backbone(**changes),
        head=kt.ClassificationHead(3, dropout=0.3),
        preprocessing=None,
        augmentation=layers.GaussianNoise(0.1, seed=3),
        train_batch_norm=True,
        output_layer="top",
    )
    kt.set_trainable_depth(model, 1)
    model.compile(
        make(), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def built_plain(make=adamw):
    keras.utils.set_random_seed(7)
    x = backbone()
    dropped = layers.Dropout(0.3)(x.output)
    outputs = layers.Dense(3, activation="softmax")(dropped)
    model = keras.Model(x.input, outputs)
    model.compile(
        make(), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


@pytest.fixture
def samples(rng):
    """Nothing to learn, so that validation gets worse in the end."""
    return rng.normal(size=(24, 6)).astype("float32"), np.arange(24) % 3


class Interrupt(callbacks.Callback):
    """Raises after a batch of an epoch, as a kill would come."""

    def __init__(self, epoch, batch=1, error=KeyboardInterrupt):
        super().__init__()
        self.place, self.error = (epoch, batch), error

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise self.error("interrupted")


class Count(callbacks.Callback):
    """Which epochs were trained."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)


def fit(model, samples, extra, epochs=EPOCHS, **kwargs):
    return model.fit(
        *samples,
        batch_size=8,
        epochs=epochs,
        validation_data=(samples[0][:9], 2 - samples[1][:9]),
        verbose=0,
        callbacks=extra,
        **kwargs,
    )


def interrupted(model, samples, extra, place, **kwargs):
    stop = Interrupt(*place)
    with pytest.raises(stop.error, match="interrupted"):
        fit(model, samples, [*extra, stop], **kwargs)


def checkpoint(folder, **kwargs):
    return kt.callbacks.TransferCheckpoint(folder, verbose=0, **kwargs)


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assert_same(model, expected):
    for a, b in zip(
        values(model.variables), values(expected.variables), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(
        values(model.optimizer.variables),
        values(expected.optimizer.variables),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    flags = [layer.trainable for layer in model._flatten_layers()]
    assert flags == [layer.trainable for layer in expected._flatten_layers()]


def assert_same_history(history, expected):
    assert history.epoch == expected.epoch
    assert history.history == expected.history
    assert list(history.history) == list(expected.history)


def schedule(epoch, num_blocks):
    return [1, 2, 3, 1, 1, 2][epoch]


RUNS = {
    "early stopping": (
        adamw,
        lambda path: [
            callbacks.EarlyStopping(patience=2, restore_best_weights=True)
        ],
        lambda h: len(h["loss"]) < EPOCHS,
    ),
    "lower rate on plateau": (
        adamw,
        lambda path: [callbacks.ReduceLROnPlateau(patience=1, min_delta=0.5)],
        lambda h: h["learning_rate"][3] < h["learning_rate"][0],
    ),
    "unfreezing on plateau": (
        adamw,
        lambda path: [
            kt.callbacks.UnfreezeOnPlateau(
                patience=2, min_delta=0.5, cooldown=1
            )
        ],
        lambda h: h["trainable_blocks"][-1] > h["trainable_blocks"][0],
    ),
    "a rate from the last one": (
        adamw,
        lambda path: [callbacks.LearningRateScheduler(lambda _, r: r * 0.9)],
        lambda h: np.allclose(
            h["learning_rate"], 0.02 * 0.9 ** np.arange(1, EPOCHS + 1)
        ),
    ),
    "best model": (
        adamw,
        lambda path: [
            callbacks.ModelCheckpoint(
                str(path / "best.weights.h5"),
                save_best_only=True,
                save_weights_only=True,
            )
        ],
        lambda h: min(h["val_loss"]) < h["val_loss"][-1],
    ),
    "averages in validation": (
        averaging,
        lambda path: [callbacks.SwapEMAWeights()],
        lambda h: len(h["loss"]) == EPOCHS,
    ),
    "averages between epochs": (
        averaging,
        lambda path: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
        lambda h: len(h["loss"]) == EPOCHS,
    ),
    "freezing schedule": (
        averaging,
        lambda path: [
            kt.callbacks.FreezingScheduler(schedule),
            callbacks.EarlyStopping("loss", patience=9),
            callbacks.EarlyStopping(patience=9, restore_best_weights=True),
        ],
        lambda h: h["trainable_blocks"] == [1, 2, 3, 1, 1, 2],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_interrupted_run_ends_as_one_that_was_not(samples, tmp_path, name):
    make, others, has_acted = RUNS[name]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = built(make)
    history = fit(expected, samples, [*others(whole), checkpoint(whole)])
    assert has_acted(history.history), history.history
    for place in ((0, 1), (2, 0, RuntimeError)):
        extra = [*others(parts), checkpoint(parts)]
        interrupted(built(make), samples, extra, place)
    model, count = built(make), Count()
    again = fit(model, samples, [*others(parts), checkpoint(parts), count])
    assert count.epochs == history.epoch[2:]
    assert_same_history(again, history)
    assert_same(model, expected)
    if name == "best model":
        for each, path in ((model, parts), (expected, whole)):
            each.load_weights(path / "best.weights.h5")
        assert_same(model, expected)
    assert not list(parts.glob("epoch-*"))


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_place_in_the_list_does_not_matter(samples, tmp_path, place):
    def extra():
        found = [
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            kt.callbacks.FreezingScheduler(schedule),
        ]
        found.insert(place, checkpoint(tmp_path))
        return found

    expected = built()
    history = fit(expected, samples, extra())
    interrupted(built(), samples, extra(), (2, 1))
    model = built()
    assert_same_history(fit(model, samples, extra()), history)
    assert_same(model, expected)


def test_a_checkpoint_changes_nothing(samples, tmp_path):
    extra = [kt.callbacks.FreezingScheduler(schedule)]
    expected = built(averaging)
    history = fit(expected, samples, extra)
    model = built(averaging)
    again = fit(model, samples, [*extra, checkpoint(tmp_path)])
    assert_same_history(again, history)
    assert_same(model, expected)


def test_the_same_objects_go_on_in_a_notebook(samples, tmp_path):
    expected = built()
    stopping = callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    history = fit(expected, samples, [stopping])
    model = built()
    extra = [stopping, checkpoint(tmp_path)]
    interrupted(model, samples, extra, (2, 1))
    interrupted(model, samples, extra, (4, 0))
    assert_same_history(fit(model, samples, extra), history)
    assert_same(model, expected)


def test_a_plain_model(samples, tmp_path):
    def extra(folder):
        stopping = callbacks.EarlyStopping(
            patience=3, restore_best_weights=True
        )
        return [
            checkpoint(folder, callbacks=[stopping]),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            kt.callbacks.FreezingScheduler(schedule),
            stopping,
        ]

    expected = built_plain(averaging)
    history = fit(expected, samples, extra(tmp_path / "whole"), shuffle=False)
    for place in ((1, 1), (2, 0)):
        interrupted(
            built_plain(averaging),
            samples,
            extra(tmp_path / "parts"),
            place,
            shuffle=False,
        )
    model = built_plain(averaging)
    again = fit(model, samples, extra(tmp_path / "parts"), shuffle=False)
    assert_same_history(again, history)
    assert_same(model, expected)


def test_a_plain_model_without_blocks(samples, tmp_path):
    expected = built_plain()
    history = fit(expected, samples, [], shuffle=False)
    interrupted(
        built_plain(), samples, [checkpoint(tmp_path)], (3, 1), shuffle=False
    )
    model = built_plain()
    again = fit(model, samples, [checkpoint(tmp_path)], shuffle=False)
    assert_same_history(again, history)
    assert_same(model, expected)


def test_more_epochs_go_on(samples, tmp_path):
    expected = built()
    history = fit(expected, samples, [])
    fit(built(), samples, [checkpoint(tmp_path, delete_checkpoint=False)], 4)
    model, count = built(), Count()
    extra = [checkpoint(tmp_path, delete_checkpoint=False), count]
    again = fit(model, samples, extra)
    assert count.epochs == [4, 5]
    assert_same_history(again, history)
    assert_same(model, expected)


@pytest.mark.slow
@pytest.mark.parametrize("patience", [1, 9])
def test_a_run_that_has_ended_is_only_read(samples, tmp_path, patience):
    def extra():
        return [
            checkpoint(tmp_path, delete_checkpoint=False),
            callbacks.EarlyStopping(
                patience=patience, restore_best_weights=True
            ),
        ]

    expected = built(averaging)
    history = fit(expected, samples, extra())
    assert (len(history.epoch) < EPOCHS) == (patience == 1)
    for _ in range(2):
        model, count = built(averaging), Count()
        again = fit(model, samples, [*extra(), count])
        assert count.epochs == []
        assert_same_history(again, history)
        assert_same(model, expected)


def test_bfloat16_weights_of_the_best_epoch(samples, tmp_path):
    def make():
        with_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("bfloat16")
        try:
            return built()
        finally:
            keras.config.set_dtype_policy(with_policy)

    def extra():
        return [
            callbacks.EarlyStopping(patience=9, restore_best_weights=True),
            checkpoint(tmp_path),
        ]

    expected = make()
    history = fit(expected, samples, extra())
    interrupted(make(), samples, extra(), (4, 1))
    model = make()
    assert_same_history(fit(model, samples, extra()), history)
    assert_same(model, expected)


def test_callbacks_are_told_apart_by_their_kind(samples, tmp_path):
    stopping = callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    interrupted(built(), samples, [stopping, checkpoint(tmp_path)], (3, 1))
    best = stopping.best
    reduce = callbacks.ReduceLROnPlateau("loss")
    again = callbacks.EarlyStopping(patience=9)
    extra = [reduce, again, checkpoint(tmp_path)]
    interrupted(built(), samples, extra, (3, 0))
    assert again.best == best
    assert len(again.best_weights) == len(built().weights)
    assert reduce.best is None
    assert not hasattr(reduce, "best_weights")


def test_batches_are_counted_on_by_a_model_checkpoint(samples, tmp_path):
    # Three batches an epoch, so saved in the middle of every second one.
    def extra(folder):
        path = str(folder / "{epoch}-{batch}.weights.h5")
        saving = callbacks.ModelCheckpoint(
            path, save_weights_only=True, save_freq=5
        )
        return [saving, checkpoint(folder)]

    fit(built(), samples, extra(tmp_path / "whole"))
    for place in ((1, 0), (2, 2)):
        interrupted(built(), samples, extra(tmp_path / "parts"), place)
    fit(built(), samples, extra(tmp_path / "parts"))
    names = [
        sorted(path.name for path in (tmp_path / folder).iterdir())
        for folder in ("whole", "parts")
    ]
    assert len(names[0]) == 3
    assert names[0] == names[1]


OTHERS = {
    "width": lambda: built(units=6),
    "optimizer": lambda: built(averaging),
    "kind": built_plain,
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_model_is_refused(samples, tmp_path, name):
    interrupted(built(), samples, [checkpoint(tmp_path)], (2, 1))
    before = sorted(tmp_path.iterdir())
    count = Count()
    with pytest.raises(ValueError, match="does not fit this model"):
        fit(OTHERS[name](), samples, [checkpoint(tmp_path), count])
    assert count.epochs == []
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_checkpoint_costs_an_epoch(samples, tmp_path):
    expected = built()
    history = fit(expected, samples, [])
    interrupted(built(), samples, [checkpoint(tmp_path)], (3, 1))
    (tmp_path / "epoch-00003" / "arrays.npz").write_bytes(b"half")
    model, count = built(), Count()
    with pytest.warns(UserWarning, match="epoch-00003"):
        again = fit(model, samples, [checkpoint(tmp_path), count])
    assert count.epochs == [2, 3, 4, 5]
    assert_same_history(again, history)
    assert_same(model, expected)


def test_a_folder_that_cannot_be_written_is_known_at_once(samples, tmp_path):
    (tmp_path / "file").write_text("")
    count = Count()
    with pytest.raises(OSError, match="Could not write"):
        fit(built(), samples, [checkpoint(tmp_path / "file" / "run"), count])
    assert count.epochs == []


def test_a_later_fit_starts_where_it_is_told_to(samples, tmp_path):
    model = built()
    interrupted(model, samples, [checkpoint(tmp_path)], (4, 1))
    interrupted(model, samples, [checkpoint(tmp_path)], (4, 2))
    count = Count()
    fit(model, samples, [count], epochs=2)
    assert count.epochs == [0, 1]
    fit(model, samples, [checkpoint(tmp_path)])
    count = Count()
    fit(model, samples, [count], epochs=3, initial_epoch=1)
    assert count.epochs == [1, 2]


def test_foreign_files_stay_and_checkpoints_go(samples, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fit(built(), samples, [checkpoint(tmp_path)], epochs=2)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_it_says_where_it_goes_on(samples, tmp_path, capsys):
    interrupted(built(), samples, [checkpoint(tmp_path)], (2, 0))
    assert "TransferCheckpoint" not in capsys.readouterr().out
    loud = kt.callbacks.TransferCheckpoint(tmp_path)
    fit(built(), samples, [loud])
    said = capsys.readouterr().out
    assert f"going on after epoch 2 of 6, from '{tmp_path}'" in said


def test_what_it_writes_says_with_what(samples, tmp_path):
    interrupted(built(), samples, [checkpoint(tmp_path)], (2, 0))
    _, info = checkpoint_folder.read_last(tmp_path)
    assert info["epoch"] == 2
    assert info["keras"] == keras.version()
    assert info["backend"] == keras.backend.backend()
