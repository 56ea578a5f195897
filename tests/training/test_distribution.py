"""`distribution.strategy` and `prepare` without several devices."""

import types

import keras
import pytest

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.training import distribution, replicas

BACKEND = keras.backend.backend()
needs_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="tf.distribute is TensorFlow's"
)


def model(**options):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3)(inputs)
    made = kt.TransferModel(
        keras.Model(inputs, outputs), 2, preprocessing=None, weights=None
    )
    made.compile("auto", **options)
    return made


def test_a_strategy_has_a_scope_and_a_number_of_replicas():
    for name in ("auto", "default"):
        found = distribution.strategy(name)
        assert (found.name, found.num_replicas) == ("default", 1)
        with found.scope():
            made = model()
        assert distribution.prepare(made, found) is made


def test_a_name_that_does_not_exist():
    with pytest.raises(ValueError, match=r"no strategy 'mirror'.*'mirrored'"):
        distribution.strategy("mirror")


@pytest.mark.parametrize("name", ["mirrored", "jax"])
def test_another_backend(name):
    if {"mirrored": "tensorflow", "jax": "jax"}[name] == BACKEND:
        pytest.skip("this is its backend")
    with pytest.raises(ValueError, match="needs Keras on"):
        distribution.strategy(name)


@needs_tensorflow
def test_one_device_and_one_replica():
    for name in ("one_device", "mirrored"):
        found = distribution.strategy(name, ["CPU:0"])
        assert found.num_replicas == 1
        with found.scope():
            made = model()
        distribution.prepare(made, found)
        made.fit(*data(5), batch_size=2, verbose=0)


@needs_tensorflow
@pytest.mark.parametrize("value", ["", "no JSON", '{"task": {}}'])
def test_no_cluster(value, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match="TF_CONFIG"):
        distribution.strategy("multi_worker")


TWO = distribution.Strategy("mirrored", 2)


@needs_tensorflow
def test_built_outside_the_scope():
    with pytest.raises(ValueError, match=r"built for 1 device.*scope"):
        distribution.prepare(model(), TWO)


def test_several_machines():
    workers = distribution.Strategy("multi_worker", 2)
    with pytest.raises(ValueError, match="several machines"):
        distribution.prepare(model(), workers)


@needs_tensorflow
@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ({"steps_per_execution": 4}, "steps_per_execution=1"),
        ({"optimizer": "accumulating"}, "batch size"),
        ({"optimizer": "layerwise"}, "batch size"),
        ({"optimizer": "averaging"}, "Leave it out"),
    ],
)
def test_what_breaks_is_refused(options, way_out, monkeypatch):
    inner = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    made = model()
    if "optimizer" in options:
        optimizer = {
            "accumulating": inner,
            "layerwise": kt.LayerwiseOptimizer(inner),
            "averaging": keras.optimizers.SGD(
                0.1, use_ema=True, ema_overwrite_frequency=3
            ),
        }[options["optimizer"]]  # fmt: skip
        made.compile(optimizer, "sparse_categorical_crossentropy")
    else:
        made.compile("sgd", "sparse_categorical_crossentropy", **options)
    monkeypatch.setattr(distribution, "num_replicas", lambda model: 2)
    with pytest.raises(ValueError, match=way_out):
        distribution.prepare(made, TWO)


def data(count):
    return keras.ops.ones((count, 4)), keras.ops.zeros(count, "int32")


@needs_tensorflow
def test_a_cell_that_is_run_again_gets_the_same_strategy():
    made = [distribution.strategy("mirrored", ["CPU:0"]) for _ in range(2)]
    assert made[0].native is made[1].native


@needs_tensorflow
def test_strategies_of_tensorflow_itself():
    import tensorflow as tf

    for native, name in (
        (tf.distribute.MirroredStrategy(["CPU:0"]), "mirrored"),
        (tf.distribute.OneDeviceStrategy("CPU:0"), "one_device"),
        (tf.distribute.get_strategy(), "mirrored"),
    ):
        found = distribution.as_strategy(native)
        assert (found.name, found.num_replicas) == (name, 1)
        assert found.native is native
        with native.scope():
            made = model()
        assert distribution.prepare(made, native) is made
        made.fit(*data(5), batch_size=2, verbose=0)


@pytest.mark.parametrize("given", ["mirrored", 2, keras.distribution])
def test_what_is_no_strategy(given):
    with pytest.raises(ValueError, match=r"A strategy is what.*Received"):
        distribution.prepare(model(), given)


@needs_tensorflow
def test_groups_of_devices_that_would_be_mixed_up(monkeypatch):
    """As two strategies of TensorFlow's own are, each with its group 1."""
    made = [model(), model(), model()]
    natives = [types.SimpleNamespace(num_replicas_in_sync=2) for _ in "abc"]
    devices = dict(zip(map(id, natives), ["0,1", "0,1", "0,1,2"], strict=True))
    monkeypatch.setattr(replicas, "_GROUPS", {})
    monkeypatch.setattr(
        _private, "groups_of_devices", lambda native: {devices[id(native)]: 1}
    )
    for each, native in zip(made, natives, strict=True):
        monkeypatch.setattr(each, "_distribute_strategy", native, raising=False)
    replicas.check_groups(made[0])
    replicas.check_groups(made[0])
    with pytest.warns(UserWarning, match="second MirroredStrategy"):
        replicas.check_groups(made[1])
    with pytest.raises(ValueError, match="on 0,1,2, after a model on 0,1"):
        replicas.check_groups(made[2])
