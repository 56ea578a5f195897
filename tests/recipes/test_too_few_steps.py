"""An end that knows less of what it trained on than the head of the rest."""

import keras
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from small_recipes import chosen, colour_net, coloured, make, pictures

import keras_transfer as kt


def trained(data, make_model=make, **options):
    keras.utils.set_random_seed(0)
    model = make_model()
    result = kt.fine_tune(model, data, verbose=0, folds=0, **options)
    return model, result


def test_it_gives_way_to_the_head_where_nothing_compares_them(rng):
    data = pictures(rng, 24, step=60.0)
    model, result = trained(data, epochs=1)
    head, of_head = trained(data, epochs=0)
    for a, b in zip(model.get_weights(), head.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    reason = result.choices[-1]["reason"]
    assert chosen(result)["weights"] == "those of the head alone"
    assert f"the head has {of_head.best['val_loss']:.4f} on samples" in reason
    assert "a higher learning_rate may bring more" in reason
    assert result.best["temperature"] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", [None, keras.layers.Identity()])
def test_enough_steps_and_losses_that_do_not_compare_keep_it(rng, augmentation):
    """With an augmentation the training loss is not that of the samples."""
    options = {"learning_rate": 0.03}
    if augmentation is not None:
        options = {"epochs": 1}
    _, result = trained(
        coloured(rng, 24),
        lambda: colour_net(augmentation=augmentation),
        **options,
    )
    assert "those after" in chosen(result)["weights"]
