"""`distribution.strategy` and `prepare` without several devices."""

import keras
import pytest

import keras_transfer as kt
from keras_transfer.training import distribution

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
    ],
)
def test_what_breaks_is_refused(options, way_out, monkeypatch):
    inner = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    made = model()
    if "optimizer" in options:
        optimizer = {
            "accumulating": inner, "layerwise": kt.LayerwiseOptimizer(inner)
        }[options["optimizer"]]  # fmt: skip
        made.compile(optimizer, "sparse_categorical_crossentropy")
    else:
        made.compile("sgd", "sparse_categorical_crossentropy", **options)
    monkeypatch.setattr(distribution, "num_replicas", lambda model: 2)
    with pytest.raises(ValueError, match=way_out):
        distribution.prepare(made, TWO)


def data(count):
    return keras.ops.ones((count, 4)), keras.ops.zeros(count, "int32")
