"""`fine_tune`: never below its head, every kind of head and of data."""

import types

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

import keras_transfer as kt
from keras_transfer import feature_cache
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes import fine_tune
from keras_transfer.transferability import linear_probe

SIZE = (8, 8, 3)


def pictures(rng, number, num_classes=3):
    """Pictures in classes that brightness tells apart in part."""
    y = np.arange(number) % num_classes
    x = rng.uniform(0, 120, (number, *SIZE)) + 20.0 * y[:, None, None, None]
    return x.astype("float32"), y


@pytest.fixture
def data(rng):
    return pictures(rng, 64), pictures(rng, 32)


@pytest.fixture
def make():
    def make(head=3, **arguments):
        layers = keras.layers
        inputs = keras.Input(SIZE)
        x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
        x = layers.Conv2D(4, 3, name="second")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(4, 3, activation="relu", name="third")(x)
        return kt.TransferModel(
            keras.Model(inputs, x), head=head, preprocessing="tf", **arguments
        )

    return make


def chosen(result):
    return {row["choice"]: row["value"] for row in result.choices}


def test_the_model_ends_with_the_best_weights_on_validation(make, data):
    train, validation = data
    model = make()
    result = fine_tune(
        model, train, validation, learning_rate=1e-3, epochs=3, verbose=0
    )
    assert [s["stage"] for s in result.stages] == [
        "head", "fine-tune", "choice"
    ]  # fmt: skip
    rows = [r for r in result.history if r["stage"] == "choice"]
    assert result.best["val_loss"] == min(
        r["val_loss"] for r in rows
        if r["val_accuracy"] >= rows[0]["val_accuracy"]
    )  # fmt: skip
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )
    assert logs["accuracy"] == pytest.approx(result.best["val_accuracy"])


def test_fine_tuning_that_only_harms_is_undone(make, data):
    train, validation = data
    model = make()
    features = model.backbone.get_weights()
    result = fine_tune(
        model, train, validation, learning_rate=30.0, epochs=2, blocks=3,
        interpolate=False, verbose=0,
    )  # fmt: skip
    assert result.best["share"] == 0
    assert chosen(result)["weights"] == "those of the head alone"
    for before, after in zip(
        features, model.backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    head = [r for r in result.history if r["stage"] == "head"]
    assert result.best["val_accuracy"] >= max(
        r["val_accuracy"]
        for r in head
        if r["val_loss"] == min(h["val_loss"] for h in head)
    )


HEADS = {
    "softmax": (lambda: 3, None, "solved"),
    "one-hot": (lambda: 3, "categorical_crossentropy", "solved"),
    "sigmoid": (
        lambda: kt.ClassificationHead(3, activation="sigmoid"), None, "solved",
    ),
    "linear": (lambda: kt.RegressionHead(2), None, "solved"),
    "hidden": (
        lambda: kt.ClassificationHead(3, hidden_units=(8,), dropout=0.1),
        None,
        "trained",
    ),
    "another loss": (lambda: kt.RegressionHead(2), "huber", "trained"),
    "a layer of Keras": (
        lambda: keras.Sequential([
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]),
        "sparse_categorical_crossentropy",
        "trained",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        kind
        if kind in ("softmax", "hidden")
        else pytest.param(kind, marks=pytest.mark.slow)
        for kind in HEADS
    ],
)
def test_every_head(kind, make, data, monkeypatch):
    monkeypatch.setattr("keras_transfer.recipes.head_stage.EPOCHS", 2)
    head, loss, how = HEADS[kind]
    model = make(head())
    if loss:
        model.compile("adam", loss)
    (x, y), (vx, vy) = data
    if kind in ("one-hot", "sigmoid"):
        y, vy = np.eye(3)[y], np.eye(3)[vy]
    elif kind in ("linear", "another loss"):
        y, vy = (np.stack([t, 3.0 - t], -1) for t in (y, vy))
    before = model.predict(vx, verbose=0)
    result = fine_tune(model, (x, y), (vx, vy), epochs=1, verbose=0)
    assert chosen(result)["head"] == how
    model.compile("adam", loss or "auto") if loss else model.compile("auto")
    reached = model.evaluate(vx, vy, verbose=0, return_dict=True)["loss"]
    assert reached == pytest.approx(result.best["val_loss"], rel=2e-3, abs=1e-5)
    assert np.abs(model.predict(vx, verbose=0) - before).max() > 1e-5


@pytest.mark.slow
def test_without_validation_a_part_is_held_out_and_all_train(make, rng):
    x, y = pictures(rng, 256, 2)
    model = make(2)
    result = fine_tune(model, (x, y), epochs=1, verbose=0)
    assert chosen(result)["validation"] == 0.15
    assert result.stages[-1]["stage"] == "on all samples"
    assert model.predict(x[:2], verbose=0).shape == (2, 2)
    assert "val_loss" in result.best


def test_a_solved_head_is_solved_again_with_the_strength_it_had(make, rng):
    data = pictures(rng, 128, 2)
    model = make(2)
    result = fine_tune(model, data, epochs=0, verbose=0)
    assert result.stages[-1]["stage"] == "on all samples"
    strength = result.best["strength"]
    assert strength != linear_probe.DEFAULT_STRENGTH
    found = feature_cache.features(model, data, verbose=0)
    again = linear_probe.fit_linear_probe(
        "softmax", (found.take(found.rows), *found.rest), None, 2,
        strengths=(strength,),
    )  # fmt: skip
    assert again.best["strength"] == strength
    kernel = keras.ops.convert_to_numpy(model.head.get_weights()[0])
    np.testing.assert_allclose(kernel, again.kernel, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_a_trained_head_is_trained_again_on_all(make, rng, monkeypatch):
    monkeypatch.setattr("keras_transfer.recipes.head_stage.EPOCHS", 2)
    head = kt.ClassificationHead(2, hidden_units=(4,))
    result = fine_tune(make(head), pictures(rng, 64, 2), epochs=0, verbose=0)
    again = [r for r in result.history if r["stage"] == "on all samples"]
    chosen_row = result.best
    assert len(again) == chosen_row["epoch"]
    assert chosen_row["stage"] == "head" and "val_loss" in chosen_row


def test_few_samples_without_validation_are_cross_validated(make, rng):
    x, y = pictures(rng, 9)
    model = make()
    result = fine_tune(model, (x, y), verbose=0)
    assert chosen(result)["epochs of fine-tuning"] == 0
    assert [s["stage"] for s in result.stages] == ["head"]
    assert any("3 samples" in w for w in result.warnings)
    assert 0 <= result.best["val_accuracy"] <= 1


@pytest.mark.slow
def test_who_asks_for_fine_tuning_of_few_samples_gets_it(make, rng):
    result = fine_tune(make(), pictures(rng, 40), epochs=1, verbose=0)
    assert chosen(result)["validation"] == 0.2
    assert "fine-tune" in [s["stage"] for s in result.stages]


def test_a_time_limit_keeps_the_head(make, data):
    train, validation = data
    model = make()
    result = fine_tune(model, train, validation, max_minutes=1e-9, verbose=0)
    assert chosen(result)["fine-tuning"] == "left out"
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_so_far(make, data):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model = make()
    train, validation = data
    result = fine_tune(
        model, train, validation, callbacks=[Interrupt()], verbose=0
    )
    assert result.interrupted
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


@pytest.mark.slow
def test_the_model_is_compiled_as_before(make, data):
    model = make()
    model.compile(
        keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )  # fmt: skip
    fine_tune(model, *data, epochs=1, verbose=0)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == 0.25
    logs = model.fit(*data[0], epochs=1, verbose=0).history
    assert np.isfinite(logs["accuracy"][0])


@pytest.mark.slow
def test_parts_that_are_off_by_default_can_be_asked_for(make, data):
    train, validation = data
    result = fine_tune(
        make(), train, validation, epochs=2, blocks=2, decay=0.5, gradual=True,
        l2sp=0.1, interpolate=False, verbose=0,
    )  # fmt: skip
    tuned = [r for r in result.history if r["stage"] == "fine-tune"]
    assert [r["trainable_blocks"] for r in tuned] == [1, 2]
    assert all(r["l2sp"] >= 0 for r in tuned)
    shares = [r["share"] for r in result.history if r["stage"] == "choice"]
    assert shares[:2] == [0.0, 1.0]


@pytest.mark.slow
def test_augmentation_in_views(make, data):
    train, validation = data
    model = make(augmentation=keras.layers.RandomFlip("horizontal"))
    result = fine_tune(model, train, validation, epochs=2, verbose=0)
    assert chosen(result)["augmented views"] == 2
    result = fine_tune(model, train, validation, epochs=1, views=0, verbose=0)
    assert chosen(result)["augmented views"] == 0


@pytest.mark.slow
def test_random_weights_train_as_a_whole(make, data):
    train, validation = data
    model = make(weights=None)
    result = fine_tune(model, train, validation, epochs=2, verbose=0)
    assert [s["stage"] for s in result.stages] == ["all blocks"]
    assert model.trainable_depth == len(model.blocks)
    model.compile("auto")
    logs = model.evaluate(*validation, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(
        result.best["val_loss"], rel=1e-3, abs=1e-5
    )


def test_random_labels_are_called_what_they_are(make, rng):
    x, _ = pictures(rng, 96)
    y = rng.integers(0, 3, 96)
    result = fine_tune(
        make(), (x[:64], y[:64]), (x[64:], y[64:]), epochs=0, verbose=0
    )
    assert any("cannot be told" in sentence for sentence in result.warnings)


def test_imbalance_is_named_with_what_is_recognised(make, rng):
    x, y = pictures(rng, 90, 2)
    keep = np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y)[:2]])
    result = fine_tune(
        make(2), (x[keep], y[keep]), (x[:20], y[:20]), epochs=0, verbose=0
    )
    (sentence,) = [s for s in result.warnings if "unbalanced" in s]
    assert "class 1 has 2 of 47" in sentence
    assert "of 10 held out" in sentence


@pytest.mark.slow
def test_data_of_other_kinds(make, data):
    (x, y), validation = data
    loaded = types.SimpleNamespace(
        train=ArrayBatches(x, y, batch_size=16),
        validation=ArrayBatches(*validation, shuffle=False),
    )

    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            part = slice(16 * index, 16 * index + 16)
            return x[part], y[part]

    for train in (loaded, Sequence()):
        model = make()
        result = fine_tune(model, train, validation, epochs=0, verbose=0)
        assert result.best["val_loss"] < 1.1


WRONG = {
    "epochs": {"epochs": -1},
    "blocks": {"blocks": 99},
    "blocks 0": {"blocks": 0},
    "learning_rate": {"learning_rate": 0},
    "decay": {"decay": 1.5},
    "l2sp": {"l2sp": "much"},
    "views": {"views": 1.5},
    "mirror": {"mirror": "horizontal"},
    "max_minutes": {"max_minutes": 0},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named(case, make, data):
    train, validation = data
    with pytest.raises(ValueError, match=case.split()[0]):
        fine_tune(make(), train, validation, verbose=0, **WRONG[case])


def test_samples_without_labels(make, data):
    (x, _), _ = data
    with pytest.raises(ValueError, match="has no labels"):
        fine_tune(make(), x, verbose=0)


@pytest.mark.slow
def test_plot(make, data, tmp_path):
    train, validation = data
    result = fine_tune(make(), train, validation, epochs=1, verbose=0)
    figure = result.plot(tmp_path / "curves.png")
    assert len(figure.axes) == 2
    assert (tmp_path / "curves.png").stat().st_size > 1000
