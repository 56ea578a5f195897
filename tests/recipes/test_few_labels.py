"""`fine_tune` with few labels: all samples and blocks, a fixed length."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from doubles import Batches, tf_data
from keras.ops import convert_to_numpy as to_numpy
from small_recipes import chosen, colour_net, coloured, make, pictures

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.recipes import (
    fine_tune,
    full_tuning,
    head_or_end,
    head_stage,
    judging,
)


class Fits(keras.callbacks.Callback):
    """Counts trainings, their epochs and their steps."""

    def __init__(self):
        super().__init__()
        self.trainings = self.epochs = self.steps = 0

    def on_train_begin(self, logs=None):
        self.trainings += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1


@pytest.fixture(autouse=True)
def ends_are_kept(monkeypatch):
    """Of small nets too, which a few steps do not move far enough."""
    monkeypatch.setattr(
        full_tuning.FullTuningStage, "_too_little", lambda *args: None
    )


def weights_of(model):
    return [to_numpy(v).copy() for v in model.weights]


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def head_alone(data, **options):
    return solved(data, **options)[0]


def solved(data, **options):
    keras.utils.set_random_seed(0)
    model = make()
    return model, fine_tune(model, data, epochs=0, verbose=0, **options)


def tuned(data, validation=None, **options):
    keras.utils.set_random_seed(0)
    model = make()
    options = {"folds": 0, "verbose": 0} | options
    return model, fine_tune(model, data, validation=validation, **options)


@pytest.mark.parametrize(
    ("num_samples", "options", "steps"),
    [
        (12, {}, 64),  # one batch an epoch, the fewest steps
        (30, {}, 64),  # two batches an epoch
        (138, {}, 90),  # ten passes in 9 batches
        (138, {"batch_size": 46}, 90),  # 3 batches an epoch, as many steps
        (30, {"epochs": 3}, 6),
    ],
)
def test_steps_by_the_number_of_samples(rng, num_samples, options, steps):
    fits = Fits()
    tuned(pictures(rng, num_samples), callbacks=[fits], **options)
    assert (fits.trainings, fits.steps) == (1, steps)


@pytest.mark.parametrize("kind", ["dataset", "tf_data", "loaded"])
def test_batches_of_the_data_do_not_count(rng, kind):
    x, y = pictures(rng, 30)
    if kind == "loaded":
        data = ArrayBatches(x, y, batch_size=4, steps_per_epoch=3)
    else:
        data = {"dataset": Batches, "tf_data": tf_data}[kind](x, y, 4)
    fits = Fits()
    tuned(data, callbacks=[fits])
    assert fits.steps == 64


def test_the_end_is_that_of_a_plain_loop(rng):
    data = pictures(rng, 30)
    model, result = tuned(data)
    expected = head_alone(data)
    kernel, bias = expected.head.get_weights()
    start = expected.clone()
    start.head.set_weights([0.1 * kernel, 0.1 * bias])
    kt.unfreeze(start)
    falling = keras.optimizers.schedules.PolynomialDecay(
        1e-4, 64, end_learning_rate=0.0
    )
    start.compile(
        keras.optimizers.AdamW(falling, weight_decay=0.01),
        "sparse_categorical_crossentropy",
    )
    losses = start.fit(*data, batch_size=16, epochs=32, verbose=0).history
    found = [r["loss"] for r in result.history if r["stage"] == "fine-tune"]
    np.testing.assert_allclose(found, losses["loss"], rtol=1e-4)
    temperature = result.best["temperature"]
    assert temperature >= 1
    start.head._scale_logits(1 / temperature)
    assert_same(weights_of(model), weights_of(start))
    assert "after 64 steps" in chosen(result)["weights"]


def test_frozen_statistics_do_not_move(rng):
    data = pictures(rng, 30)
    model, _ = tuned(data)
    before = make()
    norms = [
        next(
            layer
            for layer in each.backbone.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        )
        for each in (model, before)
    ]
    assert_same(weights_of(norms[0]), weights_of(norms[1]))


@pytest.mark.parametrize("judged", ["validation", "folds"])
def test_what_is_worse_gives_way_to_the_head(rng, judged, monkeypatch):
    data, others = pictures(rng, 48), pictures(rng, 60)
    # Far too fast: the loss still falls below that of the small head.
    monkeypatch.setattr(
        full_tuning.FullTuningStage, "_went_wrong", lambda stage, rows: None
    )
    options = {"learning_rate": 3.0, "epochs": 2}
    if judged == "validation":
        model, result = tuned(data, others, **options)
        expected = head_alone(data, validation=others)
    else:
        model, result = tuned(data, folds=2, **options)
        expected = head_alone(data)
    assert chosen(result)["weights"] == "those of the head alone"
    assert result.best["share"] == 0
    assert_same(weights_of(model), weights_of(expected))


def test_a_training_that_diverges_gives_way_to_the_head(rng):
    data = pictures(rng, 48)
    model, result = tuned(data, learning_rate=1e9, epochs=3)
    assert chosen(result)["weights"] == "those of the head alone"
    assert "the training loss" in result.choices[-1]["reason"]
    assert_same(weights_of(model), weights_of(head_alone(data)))


def test_folds_train_for_themselves_and_leave_no_trace(rng):
    data, fits = pictures(rng, 48), Fits()
    model, result = tuned(data, epochs=4, folds=3, callbacks=[fits])
    assert fits.trainings == 1  # The folds are no business of callbacks.
    without, _ = tuned(data, epochs=4)
    assert "3 folds left out" in result.choices[-1]["reason"]
    if result.best["share"]:
        kernels = [
            kernel / np.linalg.norm(kernel)
            for kernel in (
                model.head.get_weights()[0],
                without.head.get_weights()[0],
            )
        ]
        np.testing.assert_allclose(*kernels, rtol=1e-4, atol=1e-5)
        assert_same(weights_of(model.backbone), weights_of(without.backbone))
    assert result.best["val_loss"] > 0


def test_losses_are_equal_on_every_backend():
    generator = np.random.default_rng(0)
    model = make()
    for variable in model.weights:
        if "kernel" in variable.path:
            variable.assign(generator.normal(0, 0.3, variable.shape))
    result = fine_tune(
        model, pictures(generator, 48), epochs=6, learning_rate=1e-2, folds=0,
        verbose=0,
    )  # fmt: skip
    rows = [r for r in result.history if r["stage"] == "fine-tune"]
    losses = [row["loss"] for row in rows]
    # As TensorFlow, JAX and torch have found.
    expected = [1.08563, 1.06236, 1.03614, 1.01030, 0.98989, 0.97184]
    np.testing.assert_allclose(losses, expected, rtol=2e-4)


def test_scores_of_folds_are_those_of_models_that_have_not_seen_them(
    rng, monkeypatch
):
    """What a fold leaves out is predicted by a training of one's own."""
    data = pictures(rng, 24)
    seen, compare = [], judging.compare

    def noted(kind, old, new, labels, **options):
        seen.append((old, new, options["groups"]))
        return compare(kind, old, new, labels, **options)

    monkeypatch.setattr(judging, "compare", noted)
    tuned(data, epochs=3, folds=2, learning_rate=1e-2)
    ((old, new, groups),) = seen
    folds = head_stage.folds_for(data[1], "softmax", 0, most=2)
    for number, (rows, rest) in enumerate(folds):
        assert (groups[rest] == number).all()
        model, result = solved(data)
        features = head_stage.pooled_once(
            model, ArrayBatches(*data, shuffle=False), "training", 0
        )[0]
        probe = kt.transferability.linear_probe.fit_linear_probe(
            "softmax", (features[rows], data[1][rows]), None, 3,
            strengths=(result.best["strength"],),
        )  # fmt: skip
        np.testing.assert_allclose(
            old[rest], features[rest] @ probe.kernel + probe.bias, rtol=1e-3,
            atol=1e-4,
        )  # fmt: skip
        model.head.set_weights([0.1 * probe.kernel, 0.1 * probe.bias])
        kt.unfreeze(model)
        # Half of the samples make half of the steps a pass.
        falling = keras.optimizers.schedules.PolynomialDecay(1e-2, 6, 0.0)
        model.compile(
            keras.optimizers.AdamW(falling, weight_decay=0.01),
            "sparse_categorical_crossentropy",
        )
        model.fit(
            data[0][rows], data[1][rows], batch_size=16, epochs=6, verbose=0
        )
        expected = np.log(model.predict(data[0][rest], verbose=0))
        np.testing.assert_allclose(new[rest], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("num_samples", "folds", "said"),
    [
        (27, None, "folds: none (9 samples a class say too little)"),
        (27, 2, "folds: 2"),
        (30, None, "folds: 3"),
    ],
)
def test_below_ten_samples_a_class_folds_are_not_asked(
    rng, monkeypatch, capsys, num_samples, folds, said
):
    # However slow the machine is.
    monkeypatch.setattr(head_or_end, "_SECONDS", 1e9)
    data = pictures(rng, num_samples)
    _, result = tuned(data, epochs=1, folds=folds, verbose=1)
    assert said in capsys.readouterr().out
    reason = result.choices[-1]["reason"]
    assert ("nothing was held out" in reason) == ("none" in said)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, 1, 2, 2, 2], "a class with one"),
        ([0, 1], "a class with one"),
        ([0, 0, 2, 2, 0, 2], None),  # a class without a sample
    ],
)
def test_hardly_any_samples(rng, labels, said):
    x, _ = pictures(rng, len(labels))
    model, result = tuned((x, np.array(labels)), epochs=None, folds=None)
    stages = [stage["stage"] for stage in result.stages]
    assert np.isfinite(model.predict(x, verbose=0)).all()
    if said is None:
        assert stages == ["head", "fine-tune", "choice"]
    else:
        assert stages == ["head"]
        reasons = [row["reason"] for row in result.choices]
        assert any(said in reason for reason in reasons)


def test_a_time_limit_that_is_too_short_keeps_the_head(rng):
    data = pictures(rng, 48)
    model, result = tuned(data, max_minutes=1e-6)
    assert "limit" in result.choices[-1]["reason"]
    assert_same(weights_of(model), weights_of(head_alone(data)))


@pytest.mark.parametrize(("share", "is_kept"), [(0.75, True), (0.25, False)])
def test_a_time_limit_makes_the_schedule_shorter(
    rng, monkeypatch, share, is_kept
):
    """As if the first steps had told that so much of it fits."""

    def seconds_left(limit):
        return share * 64

    monkeypatch.setattr(
        full_tuning._Clock, "seconds_a_step", property(lambda clock: 1.0,
        lambda clock, value: None),
    )  # fmt: skip
    monkeypatch.setattr(
        kt.recipes.stage_runner.TimeLimit, "seconds_left",
        property(seconds_left),
    )  # fmt: skip
    data, fits = pictures(rng, 30), Fits()
    _, result = tuned(data, max_minutes=99, callbacks=[fits])
    if is_kept:
        assert fits.steps == 48
        assert chosen(result)["steps of fine-tuning"] == 48
        assert "after 48 steps" in chosen(result)["weights"]
    else:
        assert fits.steps == 0
        assert chosen(result)["weights"] == "those of the head alone"
        assert "of 64 steps about 16 fit" in result.choices[-1]["reason"]


class Endless(keras.utils.PyDataset):
    """Says nothing about how many batches it has."""

    def __init__(self, x, y):
        super().__init__()
        self.batch = x, y

    def __getitem__(self, index):
        return self.batch


@pytest.mark.parametrize("kind", ["tf_data", "dataset", "grain"])
def test_data_without_an_end_are_refused_at_once(rng, kind):
    x, y = pictures(rng, 9)
    match = r"repeats for ever. Drop `\.repeat\(\)`"
    if kind == "tf_data":
        data = tf_data(x, y).repeat()
    elif kind == "dataset":
        data, match = Endless(x, y), "without `__len__`"
    else:
        grain = pytest.importorskip("grain")
        pairs = grain.MapDataset.source(list(zip(x, y, strict=True)))
        data = pairs.batch(3).repeat()
    with pytest.raises(ValueError, match=match):
        fine_tune(make(), data, verbose=0)


@pytest.mark.parametrize("folds", [1, -1, 2.5])
def test_wrong_folds(rng, folds):
    with pytest.raises(ValueError, match="`folds` is 0 for none"):
        fine_tune(make(), pictures(rng, 9), folds=folds)


def test_the_dropout_of_a_source_is_named_and_stays(rng):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    net = keras.Model(inputs, keras.layers.SpatialDropout2D(0.25)(x))
    model = kt.TransferModel(net, head=3, preprocessing="tf")
    result = fine_tune(model, pictures(rng, 12), epochs=1, folds=0, verbose=0)
    assert chosen(result)["dropout of the source"] == "0.25"
    assert model.backbone.layers[-1].rate == 0.25


def test_few_validation_samples_make_nothing_surer(rng):
    """A head that is always right there, and far too sure by their word."""
    train, validation = coloured(rng, 60), coloured(rng, 12)
    for options in ({}, {"interpolate": True, "epochs": 1, "blocks": 1}):
        model = colour_net()
        options |= {"validation": validation, "verbose": 0}
        result = fine_tune(model, train, **options)
        rows = [r for r in result.history if "temperature" in r]
        assert rows and all(row["temperature"] >= 1.0 for row in rows)
        scores = model.predict(validation[0], verbose=0)
        assert (scores.argmax(axis=-1) == validation[1]).all()
