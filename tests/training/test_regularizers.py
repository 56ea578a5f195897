"""L2-SP: the formula by hand, its gradient, and its way through files."""

import keras
import numpy as np
import pytest

import keras_transfer as kt


@pytest.fixture
def model(tiny_cnn):
    return kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")


def compiled(model, *strengths, rate=0.1):
    model.compile(
        keras.optimizers.SGD(rate),
        "sparse_categorical_crossentropy",
        regularizer=kt.L2SP(*strengths),
    )
    return model


def arrays(model):
    head = {id(v) for v in model.head.variables}
    backbone, top = [], []
    for layer in [*model.backbone.layers, model.head]:
        for v in layer.variables:
            if "moving" not in v.path and "seed" not in v.path:
                chosen = top if id(v) in head else backbone
                chosen.append(np.array(keras.ops.convert_to_numpy(v)))
    return backbone, top


def test_the_metric_is_the_formula(model, pictures):
    compiled(model, 0.5, 0.25, rate=0.0)
    started, _ = arrays(model)
    kt.unfreeze(model)
    for layer in model.backbone.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(layer.kernel + 0.125)
    backbone, head = arrays(model)
    expected = 0.25 * sum(
        np.sum((a - b) ** 2) for a, b in zip(backbone, started, strict=True)
    ) + 0.125 * sum(np.sum(a**2) for a in head)
    history = model.fit(*pictures, epochs=1, verbose=0).history
    assert history["l2sp"][0] == pytest.approx(expected, rel=1e-5)
    logs = model.evaluate(*pictures, verbose=0, return_dict=True)
    assert logs["l2sp"] == pytest.approx(expected, rel=1e-5)
    model.compile("sgd", "sparse_categorical_crossentropy")
    plain = model.evaluate(*pictures, verbose=0, return_dict=True)
    assert "l2sp" not in plain
    assert logs["loss"] == pytest.approx(plain["loss"] + expected, rel=1e-5)


def test_one_step_of_gradient_descent(tiny_cnn, pictures):
    """w - rate * (gradient + strength * (w - w_0)), the head to zero."""
    rate, strength, head_strength = 0.1, 0.5, 0.25

    def step(with_penalty):
        keras.utils.set_random_seed(3)
        model = kt.TransferModel(tiny_cnn(), head=3, preprocessing="tf")
        started, _ = arrays(model)
        if with_penalty:
            compiled(model, strength, head_strength, rate=rate)
        else:
            model.compile(
                keras.optimizers.SGD(rate), "sparse_categorical_crossentropy"
            )
        kt.unfreeze(model)
        conv = model.backbone.get_layer("conv2")
        conv.kernel.assign(conv.kernel + 0.5)
        before = arrays(model)
        model.fit(*pictures, batch_size=24, verbose=0)
        return started, before, arrays(model)

    started, before, plain = step(with_penalty=False)
    _, _, pulled = step(with_penalty=True)
    norms = 0
    for w0, w, a, b in zip(
        started, before[0], plain[0], pulled[0], strict=True
    ):
        if a.ndim == 1:  # batch norm stands still
            np.testing.assert_array_equal(a, b)
            continue
        norms += np.abs(a - b).max()
        np.testing.assert_allclose(
            b, a - rate * strength * (w - w0), rtol=1e-4, atol=1e-6
        )
    assert norms > 0
    for w, a, b in zip(before[1], plain[1], pulled[1], strict=True):
        np.testing.assert_allclose(
            b, a - rate * head_strength * w, rtol=1e-4, atol=1e-6
        )


def test_the_starting_point_survives_a_file(model, pictures, tmp_path):
    compiled(model, 0.1, 0.01)
    kt.unfreeze(model)
    model.fit(*pictures, epochs=2, batch_size=8, verbose=0)
    expected = model.evaluate(*pictures, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(*pictures, verbose=0, return_dict=True) == (
        pytest.approx(expected, rel=1e-6)
    )
    for a, b in zip(
        again._penalty_variables, model._penalty_variables, strict=True
    ):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        )
    plain = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert plain._penalty_variables == []
    assert len(plain.weights) == len(model.weights)


def test_compiling_again_keeps_the_starting_point(model, pictures):
    compiled(model, 0.1, 0.01)
    started = arrays(model)[0]
    kt.unfreeze(model)
    model.fit(*pictures, batch_size=8, verbose=0)
    compiled(model, 1.0, 0.0)
    for a, b in zip(model._penalty_variables, started, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), b)


@pytest.mark.parametrize(
    "strengths", [(-1, 0), (0, float("nan")), ("a", 0), (True, 0), (None, 1)]
)
def test_strengths_are_checked(strengths):
    with pytest.raises(ValueError, match="at least 0"):
        kt.L2SP(*strengths)


def test_other_regularizers_are_refused(model):
    with pytest.raises(ValueError, match="is an L2SP"):
        model.compile("adam", "mse", regularizer=keras.regularizers.L2(0.1))
