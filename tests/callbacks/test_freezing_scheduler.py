"""A schedule inside one `fit` equals separate fits with fixed flags."""

import keras
import numpy as np
import pytest
from cases import some_slow
from doubles import vectors
from small_nets import LOSS, built, values

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.data.batches import ArrayBatches

layers = keras.layers
O = keras.optimizers  # noqa: E741

OPTIMIZERS = {
    "adadelta": lambda: O.Adadelta(0.5),
    "adafactor": lambda: O.Adafactor(0.01),
    "adagrad": lambda: O.Adagrad(0.01),
    "adam": lambda: O.Adam(0.01, amsgrad=True),
    "adamax": lambda: O.Adamax(0.01),
    "adamw": lambda: O.AdamW(0.01, weight_decay=0.1),
    "ftrl": lambda: O.Ftrl(0.01),
    "lamb": lambda: O.Lamb(0.01),
    "lion": lambda: O.Lion(0.001),
    "muon": lambda: O.Muon(0.01),
    "nadam": lambda: O.Nadam(0.01),
    "rmsprop": lambda: O.RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda: O.SGD(0.01, momentum=0.9, nesterov=True),
    "schedule-free": lambda: O.ScheduleFreeAdamW(0.01),
    "clipped": lambda: O.Adam(0.01, global_clipnorm=0.5),
    "accumulating": lambda: O.Adam(0.01, gradient_accumulation_steps=2),
    "layer-wise": lambda: kt.LayerwiseOptimizer(
        O.AdamW(0.01, weight_decay=0.1), correct_late_joiners=False
    ),
}
QUICK = ("adam", "schedule-free", "layer-wise")
STAGES = [0, 2, 1, 3]


@pytest.fixture
def samples():
    return vectors(20)


def inner(optimizer):
    return _private.wrapped_optimizers(optimizer)[-1]


def slot_lists(optimizer):
    """The optimizer's lists of one slot a variable, by name."""
    number = len(optimizer._trainable_variables)
    return {
        name: value
        for name, value in vars(optimizer).items()
        if isinstance(value, list)
        and name not in ("_variables", "_trainable_variables")
        and len(value) == number
        and all(s is None or isinstance(s, keras.Variable) for s in value)
    }


def scalars(optimizer):
    return {
        name: value
        for name, value in vars(optimizer).items()
        if isinstance(value, keras.Variable)
    }


def state(model):
    """What an optimizer holds, by the number of the model's weight."""
    optimizer = inner(model.optimizer)
    number = {id(v): i for i, v in enumerate(model.weights)}
    found = {
        (name, number[id(variable)]): values([slot])[0]
        for name, slots in slot_lists(optimizer).items()
        for variable, slot in zip(
            optimizer._trainable_variables, slots, strict=True
        )
        if slot is not None
    }
    found.update({k: values([v])[0] for k, v in scalars(optimizer).items()})
    return found


def take_over(model, earlier):
    optimizer = inner(model.optimizer)
    number = {id(v): i for i, v in enumerate(model.weights)}
    for name, slots in slot_lists(optimizer).items():
        for variable, slot in zip(
            optimizer._trainable_variables, slots, strict=True
        ):
            key = name, number[id(variable)]
            if key in earlier:
                slot.assign(earlier[key])
    for name, variable in scalars(optimizer).items():
        if name in earlier:
            variable.assign(earlier[name])


def run_by_stages(make, samples):
    """The reference: a new plain model and optimizer for each stage.

    The flags are there before anything is compiled, and the slots of the
    stage before are copied by hand.
    """
    parts = built(make_optimizer=make)
    weights, kept, losses = parts.get_weights(), {}, []
    for epoch, depth in enumerate(STAGES):
        parts = built(make_optimizer=make)
        model = keras.Model(parts.input, parts.outputs)
        model.set_weights(weights)
        for index in range(4):
            layer = parts.backbone.get_layer(f"dense{index}")
            layer.trainable = index >= 4 - depth
        model.compile(make(), LOSS)
        model.optimizer.build(model.trainable_variables)
        take_over(model, kept)
        batches = ArrayBatches(*samples, batch_size=8, seed=3)
        batches.epoch = epoch
        history = model.fit(batches, verbose=0, shuffle=False)
        losses += history.history["loss"]
        weights = model.get_weights()
        kept.update(state(model))
    return losses, weights, kept


def run_in_one_fit(make, samples):
    model = built(make_optimizer=make)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    history = model.fit(
        *samples,
        batch_size=8,
        epochs=len(STAGES),
        seed=3,
        verbose=0,
        callbacks=[
            kt.FreezingScheduler(lambda epoch, num_blocks: STAGES[epoch]),
            Watch(),
        ],
    )
    return model, history.history, seen


def tolerance():
    """None on TensorFlow; elsewhere kernels may differ by a few ulp a step."""
    exact = keras.backend.backend() == "tensorflow"
    return {"rtol": 0, "atol": 0} if exact else {"rtol": 3e-5, "atol": 3e-6}


@pytest.mark.parametrize("name", some_slow(OPTIMIZERS, QUICK))
def test_a_schedule_equals_stages_that_are_built_from_the_start(name, samples):
    if name == "schedule-free" and not hasattr(O, "ScheduleFreeAdamW"):
        pytest.skip("this Keras has no ScheduleFreeAdamW")
    make = OPTIMIZERS[name]
    model, history, seen = run_in_one_fit(make, samples)
    reference = OPTIMIZERS["adamw" if name == "layer-wise" else name]
    losses, weights, kept = run_by_stages(reference, samples)
    assert history["trainable_blocks"] == STAGES
    np.testing.assert_allclose(history["loss"], losses, **tolerance())
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(a, b, **tolerance())
    continued = state(model)
    for key, slot in kept.items():
        np.testing.assert_allclose(
            continued[key], slot, err_msg=str(key), **tolerance()
        )
    # Two weights a dense layer, input first, then the head.
    for epoch in range(1, len(STAGES)):
        still = 2 * (4 - STAGES[epoch])
        before, after = seen[epoch - 1], seen[epoch]
        same = [
            np.array_equal(a, b) for a, b in zip(before, after, strict=True)
        ]
        assert same[:still] == [True] * still
        assert not any(same[still:])
