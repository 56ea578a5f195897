"""Batch-norm statistics are taken anew, exactly, and nothing else moves."""

import warnings

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy
from small_nets import LOSS, conv_net

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.training.batch_norm import StatisticsPass, training_norms

SGD = keras.optimizers.SGD


def photos(num=40):
    rng = np.random.default_rng(0)
    labels = np.arange(num) % 3
    x = rng.uniform(0, 200, (num, 8, 8, 3)) + 20 * labels[:, None, None, None]
    return x.astype("float32"), labels


def made(weights=None, widths=(4, 6), **options):
    keras.utils.set_random_seed(0)
    net = conv_net(*widths, batch_norm=True)
    model = kt.TransferModel(
        net, 3, preprocessing="tf", weights=weights, **options
    )
    model.compile(SGD(0.1), LOSS, metrics=["accuracy"])
    return model


def moving(model):
    return [
        to_numpy(statistic).copy()
        for layer in training_norms(model)
        for statistic in (layer.moving_mean, layer.moving_variance)
    ]


def weights(model):
    return [to_numpy(v).copy() for v in model.trainable_variables]


def expected_statistics(model, batches):
    """Means over batches of what a plain loop finds at each batch norm."""
    found = []
    for norm in training_norms(model):
        before = keras.Model(model.backbone.input, norm.input)
        means, variances = [], []
        for x, _ in batches:
            # Norms that the loop passes move too: it is run on a clone.
            seen = to_numpy(before(model.preprocessing(x), training=True))
            axes = tuple(range(seen.ndim - 1))
            means.append(seen.mean(axes))
            variances.append(seen.var(axes))
        found += [np.mean(means, axis=0), np.mean(variances, axis=0)]
    return found


def test_means_over_batches():
    model = made()
    batches = list(ArrayBatches(*photos(), batch_size=8))
    expected = expected_statistics(model.clone(), batches)
    layers = StatisticsPass(model).run(iter(batches))
    assert len(layers) == 2
    for found, mean in zip(moving(model), expected, strict=True):
        np.testing.assert_allclose(found, mean, rtol=1e-4, atol=1e-5)
    assert {layer.momentum for layer in layers} == {0.99}


def test_no_more_batches_than_asked_for():
    batches = list(ArrayBatches(*photos(), batch_size=8))
    sides = []
    for given in (batches[:2], batches):
        model = made()
        StatisticsPass(model, 2).run(iter(given))
        sides.append(moving(model))
    np.testing.assert_array_equal(*map(np.concatenate, sides))


def test_training_is_the_same_and_validation_sees_the_statistics():
    sides = []
    for is_precise in (False, True):
        model, data = made(), ArrayBatches(*photos(), batch_size=8)
        precise = [kt.PreciseBatchNorm(data)] if is_precise else []
        history = model.fit(
            data, validation_data=photos(), epochs=2, callbacks=precise,
            verbose=0,
        ).history  # fmt: skip
        sides.append((weights(model), history, model))
    (plain, old, _), (same, new, model) = sides
    for a, b in zip(plain, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert old["loss"] == new["loss"]
    assert old["val_loss"][-1] != new["val_loss"][-1]
    now = model.evaluate(*photos(), verbose=0)
    assert now == pytest.approx(
        [new["val_loss"][-1], new["val_accuracy"][-1]], abs=1e-6
    )
    # At the end they are what a pass over the same batches finds.
    found = moving(model)
    StatisticsPass(model).run(iter(ArrayBatches(*photos(), batch_size=8)))
    for a, b in zip(moving(model), found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_short_training_from_random_weights_is_judged_as_it_trained():
    (x, y), losses = photos(60), {}
    for is_precise in (False, True):
        model = made(widths=(4, 6, 8, 8, 8))
        precise = [kt.PreciseBatchNorm((x, y))] if is_precise else []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trained = model.fit(
                x, y, batch_size=20, epochs=8, callbacks=precise, verbose=0
            ).history["loss"][-1]
        losses[is_precise] = model.evaluate(x, y, verbose=0)[0]
    assert losses[True] == pytest.approx(trained, abs=0.2)
    assert losses[False] > trained + 0.2


def test_frozen_layers_and_random_generators_stay_as_they_are():
    model = made(augmentation=keras.layers.GaussianNoise(1.0, seed=3))
    kt.set_trainable_depth(model, 1)
    model.backbone.layers[1].trainable = False
    norms = [
        layer
        for layer in model.backbone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [to_numpy(norm.moving_mean).copy() for norm in norms]
    generator = model.augmentation.layer.seed_generator
    state, drawn = to_numpy(generator.state).copy(), np.random.get_state()[2]
    StatisticsPass(model).run([photos()])
    changed = [
        (to_numpy(norm.moving_mean) != kept).any()
        for norm, kept in zip(norms, before, strict=True)
    ]
    assert changed == [norm.trainable for norm in norms] == [False, True]
    assert (to_numpy(generator.state) == state).all()
    assert np.random.get_state()[2] == drawn


def test_without_batch_norm_that_trains_there_is_nothing_to_do():
    model = made()
    kt.freeze(model)
    assert StatisticsPass(model).run(iter([photos()])) == []


def test_short_trainings_warn():
    x, y = photos()
    with pytest.warns(UserWarning, match=r"After 10 steps, 90% of the moving"):
        made().fit(x, y, batch_size=8, epochs=2, verbose=0)


@pytest.mark.parametrize("case", ["precise", "pretrained", "long"])
def test_no_warning(case):
    (x, y), model = photos(), made()
    callbacks = [kt.PreciseBatchNorm((x, y))] if case == "precise" else []
    if case == "pretrained":
        model._mark_pretrained()
    if case == "long":
        for layer in training_norms(model):
            layer.momentum = 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # Of JAX' own, in the trainer of Keras.
        warnings.filterwarnings("ignore", "Explicitly requested dtype")
        model.fit(x, y, batch_size=8, epochs=2, callbacks=callbacks, verbose=0)


def test_wrong_input():
    with pytest.raises(ValueError, match="num_batches=0"):
        kt.PreciseBatchNorm(photos(), num_batches=0)
    with pytest.raises(ValueError, match="Received: data without a batch"):
        StatisticsPass(made()).run(iter([]))
