"""What `collect` saw is there again after `restore`, to the last bit."""

import json

import keras
import numpy as np
import pytest
from doubles import vectors
from small_nets import built, built_plain, dense_net

import keras_transfer as kt
from keras_transfer.training import training_state
from keras_transfer.training.freezing import restore_flags

layers = keras.layers
optimizers = keras.optimizers


def layerwise():
    return kt.LayerwiseOptimizer(
        optimizers.AdamW(
            0.01, weight_decay=0.1, use_ema=True, ema_momentum=0.9
        ),
        decay=0.8,
    )


def model_of(make=layerwise, seed=7, depth=4, units=5, dtype=None):
    """A compiled model; layers are unnamed, so Keras numbers them through."""
    return built(
        lambda: net(depth, units, dtype),
        make,
        seed=seed,
        head=lambda: kt.ClassificationHead(3, dropout=0.3, dtype=dtype),
        augmentation=layers.GaussianNoise(0.1, seed=3),
        train_batch_norm=True,
    )


def net(depth=4, units=5, dtype=None):
    """Blocks of a dense layer and a batch norm, over 6 features."""
    return dense_net(
        depth, units, batch_norm=True, use_bias=False, dtype=dtype, named=False
    )


def plain_model(seed=7):
    return built_plain(
        lambda: optimizers.Adam(0.01, amsgrad=True),
        net,
        dropout=0.3,
        seed=seed,
    )


@pytest.fixture
def samples():
    return vectors(16)


class Seeded(keras.callbacks.Callback):
    """Seeds torch's own generator, from which its dropout draws."""

    def on_epoch_begin(self, epoch, logs=None):
        keras.utils.set_random_seed(epoch)


def train(model, samples, depth=None, epochs=1):
    if depth is not None:
        kt.set_trainable_depth(model, depth)
    model.fit(
        *samples,
        batch_size=8,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[Seeded()],
    )


def collected(model):
    """As it comes back from files: info through JSON."""
    training_state.prepare(model)
    arrays, info = training_state.collect(model)
    return {k: v.copy() for k, v in arrays.items()}, json.loads(
        json.dumps(info)
    )


def assert_same(model, state):
    arrays, info = collected(model)
    assert set(arrays) == set(state[0])
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, state[0][name], err_msg=name)
    for key in ("optimizer", "depth", "train_batch_norm", "flags"):
        assert info[key] == state[1][key]


def assert_goes_on_equally(first, second, samples):
    train(first, samples)
    train(second, samples)
    assert_same(second, collected(first))


def test_a_transfer_model_with_a_refrozen_block(samples):
    model = model_of()
    for depth in (1, 3, 2):
        train(model, samples, depth)
    state = collected(model)
    assert state[1]["depth"] == 2
    # The third block from the top has trained for two steps, then paused.
    outer = model.optimizer
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(outer._paused_at)[:6], [0] * 3 + [4] * 3
    )
    again = model_of(seed=8)
    training_state.restore(again, *state)
    assert_same(again, state)
    assert_goes_on_equally(model, again, samples)
    kt.set_trainable_depth(model, 4)
    kt.set_trainable_depth(again, 4)
    assert_goes_on_equally(model, again, samples)


def test_a_model_that_has_trained_on_is_brought_back(samples):
    model = model_of()
    train(model, samples, 2)
    state = collected(model)
    train(model, samples, 4, epochs=2)
    training_state.restore(model, *state)
    assert_same(model, state)
    other = model_of(seed=8)
    training_state.restore(other, *state)
    assert_goes_on_equally(model, other, samples)


@pytest.mark.parametrize("name", ["mixed_bfloat16", "bfloat16"])
def test_bfloat16(samples, name):
    make = dict(make=lambda: optimizers.Adam(0.01), dtype=name)
    model = model_of(**make)
    train(model, samples, 2)
    state = collected(model)
    kinds = {str(v.dtype) for v in model.trainable_variables}
    assert ("bfloat16" in kinds) == (name == "bfloat16")
    assert all(array.dtype.kind in "fiu" for array in state[0].values())
    again = model_of(seed=8, **make)
    training_state.restore(again, *state)
    assert_same(again, state)
    assert_goes_on_equally(model, again, samples)


def test_a_loss_scale(samples):
    def make():
        return optimizers.LossScaleOptimizer(layerwise(), initial_scale=2.0**9)

    model = model_of(make)
    train(model, samples, 1)
    state = collected(model)
    assert state[1]["optimizer"][0] == "LossScaleOptimizer"
    again = model_of(make, seed=8)
    training_state.restore(again, *state)
    assert_same(again, state)
    assert_goes_on_equally(model, again, samples)


def test_accumulated_gradients(samples):
    def make():
        return optimizers.Adam(0.01, gradient_accumulation_steps=3)

    model = model_of(make)
    train(model, samples, 2, epochs=2)
    state = collected(model)
    again = model_of(make, seed=8)
    training_state.restore(again, *state)
    assert_goes_on_equally(model, again, samples)


def test_flags_that_are_no_number_of_blocks(samples):
    model = model_of()
    train(model, samples, 2)
    wanted = collected(model)[1]["flags"]
    wanted[wanted.index(True)] = False
    restore_flags(model, wanted)
    state = collected(model)
    again = model_of(seed=8)
    training_state.restore(again, *state)
    assert collected(again)[1]["flags"] == wanted


def test_a_plain_model(samples):
    model = plain_model()
    train(model, samples, epochs=2)
    state = collected(model)
    assert state[1]["depth"] is None
    again = plain_model(seed=8)
    training_state.restore(again, *state)
    assert_same(again, state)
    assert_goes_on_equally(model, again, samples)


def test_a_plain_model_that_is_partly_frozen(samples):
    model = plain_model()
    train(model, samples, 1)
    train(model, samples, 3)
    train(model, samples, 2)
    state = collected(model)
    again = plain_model(seed=8)
    training_state.restore(again, *state)
    assert_same(again, state)
    assert_goes_on_equally(model, again, samples)


def test_the_starting_point_of_a_penalty(samples):
    def make():
        model = model_of()
        model.compile(
            layerwise(),
            "sparse_categorical_crossentropy",
            regularizer=kt.L2SP(0.1, 0.1),
        )
        return model

    model = make()
    train(model, samples, 2)
    state = collected(model)
    assert any(name.startswith("penalty/") for name in state[0])
    again = make()
    for anchor in again._penalty_variables:
        anchor.assign(anchor + 1.0)
    training_state.restore(again, *state)
    assert_same(again, state)
    assert_goes_on_equally(model, again, samples)
    with pytest.raises(ValueError, match=r"holds 12 variables of the penalty"):
        training_state.restore(model_of(), *state)


OTHERS = {
    "another optimizer": (
        lambda: model_of(lambda: optimizers.SGD(0.01)),
        r"LayerwiseOptimizer around AdamW, and .* with SGD",
    ),
    "another inner optimizer": (
        lambda: model_of(
            lambda: kt.LayerwiseOptimizer(optimizers.SGD(0.01), decay=0.8)
        ),
        r"around AdamW, and .*LayerwiseOptimizer around SGD",
    ),
    "no averages": (
        lambda: model_of(
            lambda: kt.LayerwiseOptimizer(optimizers.AdamW(0.01), decay=0.8)
        ),
        "average.* where the optimizer has",
    ),
    "a rate that is a schedule": (
        lambda: model_of(
            lambda: kt.LayerwiseOptimizer(
                optimizers.AdamW(
                    optimizers.schedules.CosineDecay(0.01, 100),
                    weight_decay=0.1,
                    use_ema=True,
                )
            )
        ),
        "'learning_rate' of shape",
    ),
    "another width": (
        lambda: model_of(units=6),
        r"'kernel' of shape \(6, 5\) .* where the model has .* \(6, 6\)",
    ),
    "more blocks": (lambda: model_of(depth=5), "for 21 layers, .* has 24"),
    "fewer blocks": (lambda: model_of(depth=2), r"3 blocks trained .* has 2"),
    "another type": (
        lambda: model_of(dtype="bfloat16"),
        "type float32 where the model has .* type bfloat16",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_state_of_another_model_is_refused(samples, name):
    make, message = OTHERS[name]
    model = model_of()
    train(model, samples, 3)
    state = collected(model)
    other = make()
    depth, weights = other.trainable_depth, other.get_weights()
    with pytest.raises(ValueError, match=message) as error:
        training_state.restore(other, *state)
    assert "Use another folder for another model" in str(error.value)
    for a, b in zip(other.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)
    # The optimizer has its variables only once the depth is that of the state.
    found_late = name in ("no averages", "a rate that is a schedule")
    assert other.trainable_depth == (3 if found_late else depth)
