"""`TransferHyperModel` in the searches of KerasTuner."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.tuner import epochs, trial, trial_model
from keras_transfer.tuner.search_space import DEFAULTS, FULL
from keras_transfer.tuner.settings import Settings

keras_tuner = pytest.importorskip("keras_tuner")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = rng.uniform(0, 100, (60, 8, 8, 3)) + 50 * y[:, None, None, None]
    return x.astype("float32"), y


def hypermodel(source, **options):
    return kt.TransferHyperModel(
        3, backbones=[source], head_epochs=1, **options
    )


SPACE = {
    "hidden_units": [0, 8],
    "batch_size": [10, 20],
    "blocks": [0.0, 0.5],
    "learning_rate": (1e-4, 1e-2, "log"),
}
TUNERS = {
    "random": lambda h, **o: keras_tuner.RandomSearch(h, max_trials=2, **o),
    "bayesian": lambda h, **o: keras_tuner.BayesianOptimization(
        h, max_trials=2, **o
    ),
    "hyperband": lambda h, **o: keras_tuner.Hyperband(
        h, max_epochs=2, factor=2, **o
    ),
    "grid": lambda h, **o: keras_tuner.GridSearch(h, max_trials=2, **o),
}


@pytest.mark.parametrize(
    "kind",
    [
        "random",
        # What KerasTuner draws says nothing about the backend.
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in TUNERS
            if kind != "random"
        ),
    ],
)
def test_searches(kind, source, data, tmp_path):
    tuner = TUNERS[kind](
        hypermodel(source, space=SPACE), objective="val_accuracy", seed=1,
        directory=tmp_path, project_name="search",
    )  # fmt: skip
    x, y = data
    tuner.search(
        x[:40], y[:40], epochs=2, validation_data=(x[40:], y[40:]), verbose=0
    )
    best = tuner.oracle.get_best_trials(1)[0]
    assert best.status == "COMPLETED" and best.score is not None
    model = tuner.get_best_models(1)[0]
    assert isinstance(model, kt.TransferModel)
    score = model.evaluate(x[40:], y[40:], verbose=0, return_dict=True)
    assert score["accuracy"] == pytest.approx(best.score, abs=1e-6)


@pytest.mark.parametrize(
    "name, kind", [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")]
)
def test_settings_reach_the_optimizer_the_head_and_the_loss(
    name, kind, source, data
):
    settings = Settings(
        "source", hidden_units=6, dropout=0.25, pooling="max", optimizer=name,
        weight_decay=0.3, learning_rate=0.02, label_smoothing=0.1, l2sp=0.5,
        blocks=0.5, layer_decay=0.7, head_learning_rate=0.01,
    )  # fmt: skip
    model = trial_model.build(
        settings, source, 3, input_shape=(8, 8, 3), weights=None, seed=0
    )
    trial.train(settings, model, *data, epochs=2)
    outer = model.optimizer
    assert outer.decay == 0.7
    inner = outer.inner_optimizer
    assert type(inner).__name__ == kind
    assert inner.weight_decay == (0.3 if name == "adamw" else None)
    assert model.head.hidden_units == (6,)
    assert (model.head.dropout, model.head.pooling) == (0.25, "max")
    assert model.loss.amount == 0.1
    assert model.regularizer.strength == 0.5
    assert model.trainable_depth == 2


class Seen(keras.callbacks.Callback):
    """Notes what callbacks are told."""

    def __init__(self):
        super().__init__()
        self.begun, self.depths, self.ended, self.steps = [], [], [], 0

    def on_train_begin(self, logs=None):
        self.begun.append("train")

    def on_train_end(self, logs=None):
        self.begun.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.depths.append(self.model.trainable_depth)

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append((epoch, logs["accuracy"]))


def hyperparameters(hyper, **values):
    hp = keras_tuner.HyperParameters()
    hp.values |= values
    hyper.build(hp)
    return hp


def test_the_head_and_then_the_blocks_in_one_training(source, data):
    hyper = hypermodel(source, space=SPACE)
    before = source.get_weights()
    depths = {0: [0, 2, 2, 2], 8: [0, 2, 2]}
    for units in (0, 8):
        hp = hyperparameters(
            hyper, blocks=0.5, hidden_units=units, batch_size=20
        )
        seen = Seen()
        model = hyper.build(hp)
        history = hyper.fit(
            hp, model, *data, epochs=3, callbacks=[seen],
            validation_data=data, verbose=0,
        )  # fmt: skip
        assert seen.begun == ["train", "end"]
        # A head that is solved is an epoch of its own, the first.
        assert seen.depths == depths[units]
        assert [epoch for epoch, _ in seen.ended] == history.epoch
        assert history.epoch == [*range(len(depths[units]))]
        assert seen.steps == 3 * 3
        values = [accuracy for _, accuracy in seen.ended]
        assert values == history.history["accuracy"]
        assert history.stages[0] == "head"
        logs = model.evaluate(*data, verbose=0, return_dict=True)
        assert logs["loss"] == pytest.approx(
            history.history["val_loss"][-1], rel=1e-4
        )
    # No trial begins where another has ended.
    for a, b in zip(before, source.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_epoch_of_a_solved_head_says_what_evaluate_says(source, data):
    hyper = hypermodel(source, space={"blocks": [0.0, 0.5]})
    hp = hyperparameters(hyper, blocks=0.0)
    model = hyper.build(hp)
    history = hyper.fit(hp, model, *data, validation_data=data, verbose=0)
    logs = model.evaluate(*data, verbose=0, return_dict=True)
    for name in ("loss", "accuracy"):
        for prefix in ("", "val_"):
            assert history.history[prefix + name] == [
                pytest.approx(logs[name], rel=1e-5)
            ]


def test_hyperband_goes_on_from_a_checkpoint(source, data):
    hyper = hypermodel(source, space={"learning_rate": [1e-9, 1e-8]})
    hp = hyperparameters(hyper, learning_rate=1e-9)
    model = hyper.build(hp)
    hyper.fit(hp, model, *data, epochs=1, verbose=0)
    before = model.predict(data[0], verbose=0)
    # At such a rate only solving a head, or making its logits smaller, moves.
    history = hyper.fit(hp, model, *data, initial_epoch=1, epochs=3, verbose=0)
    np.testing.assert_allclose(model.predict(data[0], verbose=0), before, 1e-3)
    assert history.stages == ["fine-tune"] * 2 and history.epoch == [1, 2]


def test_short_trainings_fine_tune_too():
    linear, hidden = Settings("a"), Settings("a", hidden_units=4)
    assert epochs.divided(linear, 1, None) == (None, 1)
    assert epochs.divided(hidden, 2, None) == (1, 1)
    assert epochs.divided(hidden, 10, None) == (6, 4)
    assert epochs.divided(hidden, 10, 3) == (3, 7)
    assert epochs.divided(hidden, 4, None, goes_on=True) == (0, 4)
    head_alone = Settings("a", hidden_units=4, blocks=0.0)
    assert epochs.divided(head_alone, 4, None) == (4, 0)


def test_a_callback_ends_the_training(source, data):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    hyper = hypermodel(source, space=SPACE)
    hp = hyperparameters(hyper, blocks=0.5, hidden_units=8)
    history = hyper.fit(
        hp, hyper.build(hp), *data, epochs=5, callbacks=[Stop()], verbose=0
    )
    assert history.epoch == [0, 1]


def test_class_weights_reach_the_solved_head(source, data):
    x, y = data
    hyper = hypermodel(source, space={"blocks": [0.0, 0.5]})
    hp = hyperparameters(hyper, blocks=0.0)
    found = []
    for options in (
        {"class_weight": {0: 5.0, 1: 0.1}},
        {"sample_weight": np.array([5.0, 0.1, 1.0])[y]},
    ):
        model = hyper.build(hp)
        hyper.fit(hp, model, x, y, verbose=0, **options)
        found.append(model.head.get_weights()[0])
    np.testing.assert_allclose(*found, rtol=1e-4)
    model = hyper.build(hp)
    hyper.fit(hp, model, x, y, verbose=0)
    assert np.abs(model.head.get_weights()[0] - found[0]).max() > 1e-3


def test_only_what_matters_is_active(source):
    hp = keras_tuner.HyperParameters()
    hypermodel(source, space="full").build(hp)
    active = {each.name for each in hp.space if hp.is_active(each)}
    assert active == {
        "hidden_units", "pooling", "label_smoothing", "augmentation",
        "batch_size", "blocks",
    }  # fmt: skip
    hp = hyperparameters(
        hypermodel(source, space="full"),
        blocks=1.0, optimizer="adamw", hidden_units=128,
    )  # fmt: skip
    assert {each.name for each in hp.space if hp.is_active(each)} == set(FULL)
    settings = hypermodel(source, space="full").settings(hp)
    assert settings.blocks == 1.0 and settings.optimizer == "adamw"


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "nothing to search"),
        ({"dropout": 0.5}, "nothing to search"),
        ({"drop": [0.1, 0.2]}, "no hyperparameter 'drop'"),
        ({"dropout": []}, "list of 'dropout' is empty"),
        ({"learning_rate": (0, 1, "log")}, "range of 'learning_rate'"),
        ({"learning_rate": (1,)}, "range of 'learning_rate'"),
        ("large", "'small', 'full' or a dict"),
    ],
)
def test_bad_spaces(space, message, source):
    with pytest.raises(ValueError, match=message):
        hypermodel(source, space=space)


@pytest.mark.parametrize("given", [0, 2.5, True, kt.ClassificationHead(3)])
def test_a_wrong_number_of_classes(given, source):
    with pytest.raises(ValueError, match=r"`num_classes`.*Received"):
        kt.TransferHyperModel(given, backbones=[source])


def test_a_batch_that_is_larger_than_the_data(source, data, tmp_path):
    space = {"batch_size": [128, 256]}
    tuner = keras_tuner.RandomSearch(
        hypermodel(source, space=space), objective="loss", max_trials=2,
        directory=tmp_path,
    )  # fmt: skip
    with pytest.raises(keras_tuner.errors.FatalValueError, match="60 training"):
        tuner.search(*data, epochs=1, verbose=0)
    assert set(DEFAULTS) >= set(space)


class Noisy(keras.layers.Layer):
    """Draws in inference too."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x, training=None):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)


class AlwaysNoisy(Noisy):
    """Is not even told whether it trains."""

    def call(self, x):
        return super().call(x)


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda: keras.layers.Dropout(0.3), ""),
        (Noisy, "draws in inference too"),
        (AlwaysNoisy, "below the boundary draws random numbers"),
    ],
)
def test_a_source_with_something_random(make, reason, data, capsys):
    hyper = hypermodel(net_with(make()), space={"batch_size": [10, 20]})
    hp = keras_tuner.HyperParameters()
    for _ in range(2):
        hyper.fit(hp, hyper.build(hp), *data, epochs=1, verbose=0)
    said = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "run without kept features" in line
    ]
    assert len(said) == bool(reason) and reason in "".join(said)
    assert len(hyper.feature_cache.kept) == (not reason)


def net_with(layer):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Conv2D(4, 3)(layer(x)))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_text_backbone_of_keras_hub(dropout, tmp_path):
    keras_hub = pytest.importorskip("keras_hub")
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=60, num_layers=2, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=12, dropout=dropout,
    )  # fmt: skip
    ids = np.random.default_rng(0).integers(1, 60, (30, 12)).astype("int32")
    x = {
        "token_ids": ids,
        "segment_ids": np.zeros_like(ids),
        "padding_mask": np.ones_like(ids),
    }
    hyper = kt.TransferHyperModel(
        3,
        backbones=[backbone],
        space={"batch_size": [8, 12], "blocks": 0.5},
    )
    data = (x, np.arange(30) % 3)
    result = kt.search(
        hyper, data, trials=2, epochs=2, directory=tmp_path, verbose=0
    )
    assert [row["status"] for row in result.trials] == ["COMPLETED"] * 2
    assert len(hyper.feature_cache.kept) == 2
    assert result.model.predict(x, verbose=0).shape == (30, 3)
