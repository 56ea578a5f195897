"""What a cached training would not do as an uncached one is refused."""

import keras
import pytest
from cached_training import (
    CLASSES,
    arrays,
    assert_same_model,
    fit,
    made,
    net,
)
from doubles import DrawnBatches, generator, tf_data, vectors
from keras import layers

import keras_transfer as kt


def refused(match, make_data=None, feature_cache="memory", **model):
    model = made(**model)
    with pytest.raises(ValueError, match=match):
        fit(model, make_data or arrays(), feature_cache, [])
    assert model._suffix is None
    return model


class AlwaysNoisy(layers.Layer):
    """Draws whatever it is told."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x, training=None):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)


def test_what_draws_in_inference_is_refused():
    below = {1: lambda: AlwaysNoisy()}
    refused("draws random numbers in inference too", below=below)
    # Above the boundary there is no obstacle.
    fit(made(below=below, depth=3), arrays(), "memory", [])


def test_what_knows_no_inference_is_refused():
    class Noisy(AlwaysNoisy):
        def call(self, x):
            return super().call(x)

    below = {1: lambda: Noisy(name="noisy")}
    refused("'noisy' below the boundary draws random numbers", below=below)


def test_augmentation_needs_views():
    noise = layers.GaussianNoise(0.5, seed=3, name="noise")
    refused(r"'noise' below.*views=K keeps K versions", augmentation=noise)


def test_an_activity_regularizer_is_refused():
    below = {
        0: lambda: layers.Dense(5, activity_regularizer="l2", name="costs")
    }
    refused("'costs' below the boundary has an activity", below=below)


def test_a_call_of_its_own_is_refused():
    class Own(kt.TransferModel):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training, mask=mask)

    model = Own(net(), head=CLASSES, preprocessing=None)
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="Own has a `call` of its own"):
        fit(model, arrays(), "memory", [])


def test_batch_norm_that_trains_below_the_boundary_is_refused():
    model = made()
    norm = model.backbone.get_layer("norm1")
    norm.trainable = True
    with pytest.raises(ValueError, match="'norm1' below the boundary trains"):
        fit(model, arrays(), "memory", [])


def test_a_generator_is_refused():
    refused(
        "walked over again. Received: a generator",
        lambda: ((generator(*vectors(8)),), {"steps_per_epoch": 1}),
    )


@pytest.mark.parametrize("shuffle", [True, False])
def test_data_that_differ_when_read_again_are_refused(shuffle):
    refused(
        "whose first batch differs",
        lambda: ((DrawnBatches(*vectors()),), {"shuffle": shuffle}),
    )


def test_tf_data_that_draws_or_never_ends_is_refused():
    tf = pytest.importorskip("tensorflow")

    numbers = tf.random.Generator.from_seed(1)

    def noisy(x, y):
        return x + numbers.normal(tf.shape(x)), y

    refused(
        "first batch differs", lambda: ((tf_data(*vectors()).map(noisy),), {})
    )
    refused(
        "repeats for ever",
        lambda: ((tf_data(*vectors()).repeat(),), {"steps_per_epoch": 2}),
    )


def test_a_wrong_value_is_refused_before_anything_trains():
    refused("`feature_cache` is None, 'memory'", feature_cache=7)


def test_a_refused_training_leaves_the_model_as_it_was():
    below = {1: lambda: AlwaysNoisy()}
    model = refused("draws random numbers", below=below)
    fresh = made(below=below)
    assert_same_model(model, fresh)
    a = fit(model, arrays(), None, [])
    b = fit(fresh, arrays(), None, [])
    assert a.history == b.history


class Scales(keras.callbacks.Callback):
    """Makes weights smaller: all of them, or those of the head."""

    def __init__(self, when, part=None):
        super().__init__()
        self.when, self.part = when, part

    def _act(self, when, epoch):
        if when == self.when and epoch == 1:
            part = getattr(self.model, self.part or "", self.model)
            part.set_weights([w * 0.9 for w in part.get_weights()])

    def on_epoch_begin(self, epoch, logs=None):
        self._act("begin", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._act("end", epoch)

    def on_train_batch_end(self, batch, logs=None):
        self._act("batch", batch)


@pytest.mark.parametrize("when", ["begin", "end", "batch"])
def test_a_callback_that_changes_what_is_frozen_is_found(when):
    model = made(depth=1)
    with pytest.raises(ValueError, match=r"changed weights.*Changed: .*kernel"):
        fit(model, arrays(), "memory", [Scales(when)])
    assert model._suffix is None


def test_a_callback_may_change_what_trains():
    both_ways = []
    for cache in ("memory", None):
        model = made(depth=1)
        fit(model, arrays(), cache, [Scales("begin", "head")])
        both_ways.append(model)
    assert_same_model(*both_ways)


def test_nothing_is_watched_while_all_blocks_train():
    fit(made(depth=4), arrays(), "memory", [Scales("begin")])
