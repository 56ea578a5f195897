"""Cached and uncached trainings are equal, whatever they are.

To the last bit where a net puts out the same for a sample in whatever batch.

Random small nets, schedules, kinds of data, batch sizes and optimizers.
"""

import keras
import numpy as np
import pytest
from doubles import Batches, SetsDepth, tf_data
from rounding import kernels_ignore_the_batch
from small_nets import built

import keras_transfer as kt

layers = keras.layers
optimizers = keras.optimizers

CASES = 30
# Tracing takes most of the time: a part of the cases is enough in graph mode.
GRAPH_EVERY = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow",
        reason="other backends' kernels depend on the batch size",
    ),
]

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.02),
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9),
    "adamw": lambda: optimizers.AdamW(0.02, weight_decay=0.1),
    "averaging": lambda: optimizers.Adam(0.02, use_ema=True, ema_momentum=0.7),
    "layer-wise": lambda: kt.LayerwiseOptimizer(
        optimizers.Adam(0.02), decay=0.5
    ),
}


@pytest.fixture
def as_written():
    """Graphs without the rewriting that depends on what surrounds a layer.

    Grappler reorders sums and fuses layers of the whole model that a cut
    keeps apart; about one training in thirty then differs by a rounding.
    """
    import tensorflow as tf

    options = tf.config.optimizer
    off = {"arithmetic_optimization": False, "remapping": False}
    options.set_experimental_options(off)
    yield
    options.set_experimental_options({name: True for name in off})


def random_dense_net(rng):
    """Dense layers, some with a batch norm, some with a shortcut."""
    inputs = x = keras.Input((5,))
    units = int(rng.integers(3, 7))
    for index in range(int(rng.integers(2, 5))):
        start = x
        x = layers.Dense(units, activation="tanh")(x)
        if rng.random() < 0.5:
            x = layers.BatchNormalization()(x)
        if index and rng.random() < 0.4:
            x = layers.Add()([x, start])
    return keras.Model(inputs, layers.Activation("linear", name="end")(x))


def random_conv_net(rng):
    """Convolutions with batch norm, some depthwise, some with a shortcut."""
    inputs = x = keras.Input((6, 6, 2))
    channels = int(rng.integers(2, 5))
    for index in range(int(rng.integers(2, 4))):
        start = x
        if index and rng.random() < 0.3:
            x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        else:
            x = layers.Conv2D(channels, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        if index and rng.random() < 0.5:
            x = layers.Add()([x, start])
    if rng.random() < 0.5:
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, layers.Activation("linear", name="end")(x))


def drawn_case(number):
    """All that is random about a case, drawn once for both sides."""
    rng = np.random.default_rng(number)
    num_samples = int(rng.integers(9, 20))
    is_conv = rng.random() < 0.4
    shape = (6, 6, 2) if is_conv else (5,)
    return {
        "rng_of_net": int(rng.integers(1 << 30)),
        "net": random_conv_net if is_conv else random_dense_net,
        "x": rng.normal(size=(num_samples, *shape)).astype("float32"),
        "y": rng.integers(0, 3, num_samples),
        "kind": str(rng.choice(["arrays", "weighted", "pydataset", "tf.data"])),
        "batch_size": int(rng.integers(4, 9)),
        "epochs": int(rng.integers(2, 5)),
        "depths": rng.random(4),
        "as_callback": bool(rng.random() < 0.3),
        "optimizer": str(rng.choice(list(OPTIMIZERS))),
        "dropout": float(rng.choice([0.0, 0.4])),
        "hidden": [(), (4,)][int(rng.integers(2))],
        "train_batch_norm": bool(rng.random() < 0.3),
        "validates": bool(rng.random() < 0.5),
        "shuffle": bool(rng.random() < 0.8),
        "seed": int(rng.integers(100)),
        "on_disk": bool(rng.random() < 0.2),
        "run_eagerly": number % GRAPH_EVERY != 0,
    }


def model_of(case):
    def net():
        made = case["net"](np.random.default_rng(case["rng_of_net"]))
        for number, weight in enumerate(made.weights):
            weight.assign(weight + 0.1 * (number % 3))
        return made

    return built(
        net,
        OPTIMIZERS[case["optimizer"]],
        seed=case["seed"],
        head=lambda: kt.ClassificationHead(
            3, hidden_units=case["hidden"], dropout=case["dropout"]
        ),
        train_batch_norm=case["train_batch_norm"],
        compiled={
            "metrics": ["accuracy"],
            "run_eagerly": case["run_eagerly"],
        },
    )


def data_of(case):
    x, y, size = case["x"], case["y"], case["batch_size"]
    if case["kind"] == "pydataset":
        return (Batches(x, y, size),), {"shuffle": case["shuffle"]}
    if case["kind"] == "tf.data":
        return (tf_data(x, y, size),), {}
    options = {"batch_size": size, "shuffle": case["shuffle"]}
    if case["kind"] == "weighted":
        options["sample_weight"] = np.linspace(0.5, 2.0, len(x))
    return (x, y), options


def run(case, feature_cache):
    model = model_of(case)

    def schedule(epoch, num_blocks):
        return int(case["depths"][epoch] * (num_blocks + 1))

    kind = SetsDepth if case["as_callback"] else kt.FreezingScheduler
    positional, options = data_of(case)
    history = model.fit(
        *positional,
        epochs=case["epochs"],
        seed=case["seed"],
        validation_data=(
            (case["x"][:7], case["y"][::-1][:7]) if case["validates"] else None
        ),
        callbacks=[kind(schedule)],
        feature_cache=feature_cache,
        verbose=0,
        **options,
    )
    variables = [*model.variables, *model.optimizer.variables]
    return history.history, [np.array(v) for v in variables]


@pytest.mark.parametrize("number", range(CASES))
def test_a_random_training(number, tmp_path, as_written):
    case = drawn_case(number)
    wanted, variables = run(case, None)
    history, found = run(
        case, tmp_path / "cache" if case["on_disk"] else "memory"
    )
    shown = {k: v for k, v in case.items() if k not in ("x", "y")}
    if not kernels_ignore_the_batch():
        assert_near(history, wanted, found, variables)
        return
    assert history == wanted, shown
    for a, b in zip(found, variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=str(shown))


def assert_near(history, wanted, found, variables):
    assert list(history) == list(wanted)
    for name, series in wanted.items():
        np.testing.assert_allclose(history[name], series, rtol=1e-5)
    for a, b in zip(found, variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("number", range(0, CASES, 4 * GRAPH_EVERY))
def test_graphs_as_tensorflow_rewrites_them(number):
    """Equal but for a rounding now and then."""
    case = drawn_case(number)
    wanted, variables = run(case, None)
    history, found = run(case, "memory")
    assert_near(history, wanted, found, variables)


def test_the_cases_differ():
    cases = [drawn_case(number) for number in range(CASES)]
    assert {c["kind"] for c in cases} == {
        "arrays",
        "weighted",
        "pydataset",
        "tf.data",
    }
    assert {c["net"] for c in cases} == {random_dense_net, random_conv_net}
    assert {c["optimizer"] for c in cases} == set(OPTIMIZERS)
    assert any(len(c["x"]) % c["batch_size"] == 1 for c in cases)
    assert sum(not c["run_eagerly"] for c in cases) >= CASES // 5
