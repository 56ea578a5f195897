"""How much a cache keeps, and the model that was trained with it."""

import keras
import numpy as np
import pytest
from cached_training import (
    NUM,
    arrays,
    assert_close,
    assert_same_history,
    assert_same_model,
    counted,
    fit,
    made,
    scheduled,
)
from cases import some_slow
from doubles import vectors
from small_nets import values

from keras_transfer.feature_cache import FeatureCache


def test_more_than_max_bytes_is_refused_with_the_figure(monkeypatch):
    # 20 rows of 5 numbers of 4 bytes.
    cache = FeatureCache("memory", max_bytes=399)
    with (
        counted(monkeypatch) as rows,
        pytest.raises(ValueError, match=r"take 400 bytes.*max_bytes=399"),
    ):
        fit(made(), arrays(), cache, [])
    assert sum(rows) <= 1
    fit(made(), arrays(), FeatureCache("memory", max_bytes=400), [])


@pytest.mark.parametrize(
    "dtype", some_slow(["float16", "bfloat16"], {"bfloat16"})
)
def test_sixteen_bits_are_near_the_exact_numbers(dtype):
    exact = fit(made(), arrays(), "memory", []).history["loss"]
    cache = FeatureCache("memory", dtype=dtype)
    losses = fit(made(), arrays(), cache, []).history["loss"]
    assert losses != exact
    np.testing.assert_allclose(losses, exact, rtol=1e-2)


def test_the_line_that_says_what_it_saves(capsys):
    fit(made(), arrays(), "memory", [], epochs=5, verbose=2)
    said = capsys.readouterr().out
    assert f"{NUM} samples through the frozen part once" in said
    assert "instead of in each of 5 epochs" in said


# Afterwards it is a model like any other.


def test_the_model_is_used_normally_afterwards(tmp_path):
    sides = []
    for cache in (None, "memory"):
        model = made()
        fit(model, arrays(), cache, scheduled(0, 1, 1)())
        x, y = vectors(9, 1)
        seen = [model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)]
        history = fit(model, arrays(), None, [], epochs=2)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        seen += [loaded.predict(x, verbose=0), model(x)]
        sides.append((model, history, seen))
    assert_same_history(sides[1][1], sides[0][1])
    assert_same_model(sides[1][0], sides[0][0])
    for a, b in zip(sides[1][2], sides[0][2], strict=True):
        assert_close(*values([a, b]))
