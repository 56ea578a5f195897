"""`LayerwiseOptimizer` against plain loops: rates, clocks, decay."""

import types

import keras
import numpy as np
import pytest
from keras import ops
from toy_training import Toy, gradients

import keras_transfer as kt

O = keras.optimizers  # noqa: E741


def factors(optimizer, names):
    blocks = [types.SimpleNamespace(name=n, layers=[]) for n in names]
    variables = [keras.Variable(np.zeros(2)) for _ in range(len(names) + 1)]
    for block, variable in zip(blocks, variables, strict=False):
        block.layers.append(types.SimpleNamespace(variables=[variable]))
    head = types.SimpleNamespace(variables=variables[-1:])
    optimizer._know_blocks(blocks, [head], variables)
    optimizer.build(variables)
    return optimizer._rates.factors


NAMES = ["stem", "stage1_a", "stage1_b", "stage2"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [1, 1, 1, 1, 1]),
        ({"decay": 0.5}, [0.0625, 0.125, 0.25, 0.5, 1]),
        ({"multipliers": [0, 0.1, 0.2, 0.3]}, [0, 0.1, 0.2, 0.3, 1]),
        (
            {"multipliers": [("stage1", 0.5), ("stem|stage", 0.25)]},
            [0.25, 0.5, 0.5, 0.25, 1],
        ),
        ({"multipliers": {"head": 2.0, "_b$": 3}}, [1, 1, 3, 1, 2]),
    ],
)
def test_factors(arguments, expected):
    optimizer = kt.LayerwiseOptimizer(O.SGD(), **arguments)
    assert factors(optimizer, NAMES) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": 0.5, "multipliers": [1]}, "`decay` or `multipliers`"),
        ({"decay": 0}, "above 0"),
        ({"decay": float("nan")}, "above 0"),
        ({"decay": "0.5"}, "above 0"),
        ({"multipliers": [0.1, -1]}, "at least 0"),
        ({"multipliers": [0.1, None]}, "at least 0"),
        ({"multipliers": [("a", float("inf"))]}, "at least 0"),
        ({"multipliers": [("(", 0.5)]}, "regular expression.*unterminated"),
        ({"multipliers": [(1, 0.5)]}, "regular expression"),
        ({"weight_decay_on": "biases"}, "'all' or 'kernels'"),
    ],
)
def test_arguments_are_checked_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.LayerwiseOptimizer("adam", **arguments)


@pytest.mark.parametrize(
    ("multipliers", "message"),
    [
        ([0.1, 0.2], "Received: 2 multipliers. Expected 4, .* stem"),
        ([("block_7", 0.1)], "'block_7'.*stage2, head"),
    ],
)
def test_multipliers_must_fit_the_blocks(multipliers, message):
    with pytest.raises(ValueError, match=message):
        factors(kt.LayerwiseOptimizer("sgd", multipliers=multipliers), NAMES)


def test_what_it_cannot_go_around():
    for inner in (
        O.LossScaleOptimizer(O.Adam()),
        kt.LayerwiseOptimizer(O.Adam()),
    ):
        with pytest.raises(ValueError, match="wraps no other"):
            kt.LayerwiseOptimizer(inner)
    used = O.Adam()
    used.build([keras.Variable(np.zeros(2))])
    with pytest.raises(ValueError, match="has trained another model"):
        Toy(kt.LayerwiseOptimizer(used))


def plain_model(backbone):
    x = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(3)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(kt.LayerwiseOptimizer(O.SGD(0.5), decay=0.5), loss)
    return model


def test_it_says_when_it_does_not_know_the_blocks(tiny_cnn, pictures):
    with pytest.raises(ValueError, match="does not know the blocks"):
        plain_model(tiny_cnn()).fit(*pictures, verbose=0)
    model = plain_model(tiny_cnn())
    kt.unfreeze(model)
    model.fit(*pictures, verbose=0)
    assert set(model.optimizer._rates.factors) == {
        0.5**k for k in range(1, 6)
    } | {1.0}


INNER = {
    "sgd": lambda rate: O.SGD(rate, momentum=0.9),
    "rmsprop": lambda rate: O.RMSprop(rate),
    "adam": lambda rate: O.Adam(rate),
    "adamw": lambda rate: O.AdamW(rate, weight_decay=0.1),
    "nadam": lambda rate: O.Nadam(rate),
    "lion": lambda rate: O.Lion(rate, weight_decay=0.1),
    "adafactor": lambda rate: O.Adafactor(rate, relative_step=False),
}


@pytest.mark.parametrize("name", INNER)
def test_without_factors_it_is_its_inner_optimizer(name):
    plain = Toy(INNER[name](0.01))
    wrapped = Toy(kt.LayerwiseOptimizer(INNER[name](0.01)))
    for number in range(10):
        plain.step(gradients(number))
        wrapped.step(gradients(number))
    for a, b in zip(plain.values(), wrapped.values(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [n for n in INNER if n != "adafactor"])
def test_factors_equal_one_optimizer_a_rate(name):
    rate = 1 / 64
    toy = Toy(kt.LayerwiseOptimizer(INNER[name](rate), decay=0.5))
    parts = [INNER[name](rate * f) for f in (0.25, 0.5, 1.0)]
    variables = [keras.Variable(v) for v in toy.values()]
    for optimizer, variable in zip(parts, variables, strict=True):
        optimizer.build([variable])
    for number in range(10):
        toy.step(gradients(number))
        for optimizer, variable, gradient in zip(
            parts, variables, gradients(number), strict=True
        ):
            optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
    for a, b in zip(toy.values(), variables, strict=True):
        np.testing.assert_allclose(
            a, ops.convert_to_numpy(b), rtol=2e-7, atol=0
        )


def test_weight_decay_follows_the_rate_and_can_spare_biases():
    def decayed(weight_decay_on):
        optimizer = kt.LayerwiseOptimizer(
            O.AdamW(0.5, weight_decay=0.5),
            multipliers=[0.5, 1.0],
            weight_decay_on=weight_decay_on,
        )
        toy = Toy(optimizer)
        toy.step([np.zeros((2, 2), "float32")] * 3)
        return [v[0, 0] for v in toy.values()]

    np.testing.assert_allclose(decayed("all"), [1 - 0.125, 1.5, 2.25])
    variables = {
        "kernel": keras.Variable(np.ones((2, 2)), name="kernel"),
        "bias": keras.Variable(np.ones((2, 2)), name="bias"),
        "gamma": keras.Variable(np.ones(2), name="gamma"),
    }
    optimizer = kt.LayerwiseOptimizer(
        O.AdamW(0.5, weight_decay=0.5), weight_decay_on="kernels"
    )
    layer = types.SimpleNamespace(variables=list(variables.values()))
    block = types.SimpleNamespace(name="one", layers=[layer])
    optimizer._know_blocks([block], [], list(variables.values()))
    optimizer.build(list(variables.values()))
    optimizer._follow(list(variables.values()))
    optimizer.apply(
        [ops.zeros(v.shape) for v in variables.values()],
        list(variables.values()),
    )
    after = {k: float(ops.max(v.value)) for k, v in variables.items()}
    assert after == {"kernel": 0.75, "bias": 1.0, "gamma": 1.0}


def test_one_learning_rate_and_one_clock():
    schedule = O.schedules.PiecewiseConstantDecay([1], [0.5, 0.25])
    toy = Toy(kt.LayerwiseOptimizer(O.SGD(schedule), decay=0.5))
    ones = [np.ones((2, 2), "float32")] * 3
    steps = []
    for _ in range(3):
        before = toy.values()
        toy.step(ones)
        steps.append(
            [
                a[0, 0] - b[0, 0]
                for a, b in zip(before, toy.values(), strict=True)
            ]
        )
    np.testing.assert_allclose(
        steps, [[0.125, 0.25, 0.5]] * 2 + [[0.0625, 0.125, 0.25]]
    )
    assert int(toy.optimizer.iterations) == 3
    toy = Toy(kt.LayerwiseOptimizer(O.SGD(0.5), decay=0.5))
    toy.optimizer.learning_rate = 0.25
    assert float(toy.optimizer.inner_optimizer.learning_rate) == 0.25
    toy.step(ones)
    assert toy.values()[0][0, 0] == 1 - 0.0625


def test_config_and_state_survive_a_file(tiny_cnn, pictures, tmp_path):
    model = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
    optimizer = kt.LayerwiseOptimizer(
        O.AdamW(0.01),
        multipliers=[("conv", 0.5), ("head", 2.0)],
        weight_decay_on="kernels",
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(*pictures, batch_size=8, epochs=2, verbose=0)
    kt.set_trainable_depth(model, 2)
    model.fit(*pictures, batch_size=8, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for a, b in zip(
        again.optimizer.variables, model.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        )
    assert int(np.max(ops.convert_to_numpy(again.optimizer._missed))) == 6
    for each in (model, again):
        each.fit(*pictures, batch_size=8, epochs=1, verbose=0, seed=5)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
