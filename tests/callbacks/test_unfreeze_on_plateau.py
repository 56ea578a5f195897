"""Blocks join when a quantity has stopped improving, and only then."""

import keras
import numpy as np
import pytest
from doubles import vectors
from plateaus import (
    MODELS,
    NUM_BLOCKS,
    scripted,
    transfer_model,
)

import keras_transfer as kt


@pytest.fixture
def model():
    return transfer_model()


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


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name, kind):
    arguments, values, expected = SCRIPTS[name]
    model = MODELS[kind]()
    if arguments.get("monitor") == "val_accuracy":
        # The metrics are there once they have seen a batch.
        model.evaluate(*vectors(16), verbose=0)
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
