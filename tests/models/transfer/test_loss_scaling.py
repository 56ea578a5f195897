"""Models in float16 under another policy say that the loss is not scaled."""

import contextlib
import warnings

import keras
import pytest
from small_nets import LOSS, conv_net

import keras_transfer as kt

SAID = "loss is not scaled"


@contextlib.contextmanager
def policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def silence():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", f".*{SAID}")
        yield


@pytest.fixture
def saved(tmp_path):
    """The file of a compiled model in mixed_float16, and of its source."""
    with policy("mixed_float16"), silence():
        source = conv_net(4)
        source.save(tmp_path / "source.keras")
        model = kt.TransferModel(source, head=3, output_layer="relu0")
        model.compile("auto")
        model.save(tmp_path / "model.keras")
    return tmp_path


def test_a_file_read_under_float32_says_so(saved):
    with pytest.warns(UserWarning, match=rf"layers of.*{SAID}.*'float32'"):
        model = kt.load_model(saved / "model.keras")
    # The head keeps its last layer in float32.
    assert not isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    with pytest.warns(UserWarning, match=SAID):
        model.compile("sgd", LOSS)


def test_a_source_in_float16_says_so(saved):
    path = saved / "source.keras"
    model = kt.TransferModel(path, head=3, output_layer="relu0")
    with pytest.warns(UserWarning, match=SAID):
        model.compile("auto")
    source = kt.TransferModel(conv_net(4), head=3, output_layer="relu0")
    matcher = kt.FeatureMatcher(source=source, target=model)
    with pytest.warns(UserWarning, match=SAID):
        matcher.compile("auto")
    with silence():
        kt.FeatureMatcher(source=model, target=source).compile("auto")


def test_what_scales_the_loss_says_nothing(saved):
    with silence():
        with policy("mixed_float16"):
            kt.load_model(saved / "model.keras")
        model = kt.load_model(saved / "model.keras", compile=False)
        adam = keras.optimizers.Adam(1e-3)
        model.compile(keras.optimizers.LossScaleOptimizer(adam), LOSS)
        model.compile("sgd", LOSS, auto_scale_loss=False)


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_other_types_need_no_scaling(name):
    with policy(name), silence():
        model = kt.TransferModel(conv_net(4), head=3, output_layer="relu0")
        model.compile("auto")
