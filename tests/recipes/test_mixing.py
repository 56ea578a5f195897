"""`fine_tune(mixing=)`: blocks see mixed samples, the head does not."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from small_recipes import chosen, make, pictures

import keras_transfer as kt


def trained(data, **options):
    keras.utils.set_random_seed(0)
    model = make()
    result = kt.fine_tune(
        model, data, **{"verbose": 0, "epochs": 2, "folds": 0} | options
    )
    return model, result


def losses(result, stage):
    name = "val_loss" if stage == "head" else "loss"
    return [row[name] for row in result.history if row["stage"] == stage]


@pytest.mark.slow
def test_only_fine_tuning_is_mixed(rng):
    data = pictures(rng, 30)
    plain, mixed = (trained(data, mixing=each)[1] for each in (None, "mixup"))
    assert losses(mixed, "head") == losses(plain, "head")
    found, expected = losses(mixed, "fine-tune"), losses(plain, "fine-tune")
    assert len(found) == 2
    assert not np.allclose(found, expected, rtol=1e-4)
    # The same mixing by the same seed.
    again = trained(data, mixing="mixup")[1]
    np.testing.assert_allclose(losses(again, "fine-tune"), found, rtol=1e-5)


@pytest.mark.slow
def test_the_first_step_is_that_of_fit(rng):
    data = pictures(rng, 12)
    result = trained(data, mixing="cutmix", epochs=1)[1]
    model = trained(data, epochs=0)[0]
    model.head._scale_logits(0.1)
    kt.unfreeze(model)
    model.compile("sgd", "sparse_categorical_crossentropy")
    expected = model.fit(
        *data, batch_size=16, mixing="cutmix", epochs=1, verbose=0, seed=0
    ).history["loss"]
    found = losses(result, "fine-tune")
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"interpolate": True}, {"blocks": 1, "folds": 2}]
)
def test_nothing_is_cached_for_it(rng, options):
    data = pictures(rng, 60)
    _, result = trained(
        data, mixing="mixup", validation=pictures(rng, 30), **options
    )
    assert "weights" in chosen(result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixing": "mix"}, "one of 'mixup', 'cutmix'"),
        ({"mixing": "mixup", "epochs": 0}, "is for fine-tuning"),
        (
            {"mixing": "mixup", "effort": "quick", "epochs": None},
            "is for fine-tuning",
        ),
    ],
)
@pytest.mark.any_backend
def test_what_cannot_be_mixed(rng, options, message):
    with pytest.raises(ValueError, match=message):
        trained(pictures(rng, 12), **options)


@pytest.mark.any_backend
def test_words_cannot_be_mixed(rng):
    inputs = keras.Input((4,), dtype="int32")
    x = keras.layers.Embedding(9, 3)(inputs)
    net = keras.Model(inputs, keras.layers.Conv1D(3, 2)(x))
    model = kt.TransferModel(net, 3, preprocessing=None)
    data = rng.integers(0, 9, (12, 4)), np.arange(12) % 3
    with pytest.raises(ValueError, match="takes weighted means of inputs"):
        kt.fine_tune(model, data, mixing="mixup", verbose=0)
