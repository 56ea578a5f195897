"""Bad input is found before anything trains, good input passes untouched."""

import doubles
import keras
import numpy as np
import pytest
from small_nets import conv_net

import keras_transfer as kt
from keras_transfer.data import look
from keras_transfer.data.adapters import adapt
from keras_transfer.data.nested import cut_off


@pytest.fixture
def model():
    net = conv_net(4, shape=(16, 16, 3))
    model = kt.TransferModel(net, head=3, preprocessing="tf")
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def as_grain(x, y):
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(list(zip(x, y, strict=True))).batch(8)


KINDS = {
    "grain": as_grain,
    "arrays": lambda x, y: (x, y),
    "PyDataset": doubles.Batches,
    "tf.data": doubles.tf_data,
    "torch": doubles.torch_loader,
    "generator": doubles.generator,
}


def fit(model, kind, x, y):
    data = KINDS[kind](x, y)
    x, y = data if isinstance(data, tuple) else (data, None)
    return model.fit(x, y, batch_size=8, verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_good_data_of_every_kind_train(model, pictures, kind, recwarn):
    history = fit(model, kind, *pictures)
    assert np.isfinite(history.history["loss"][0])
    assert not [w for w in recwarn if "0..1" in str(w.message)]


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_that_are_not_numbers_are_an_error(model, pictures, kind):
    x, y = pictures
    x[:] = np.nan
    before = model.get_weights()
    with pytest.raises(Exception, match="not numbers"):
        fit(model, kind, x, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_images_in_0_to_1_are_warned_about_once(model, pictures, kind):
    x, y = pictures
    with pytest.warns(UserWarning, match=r"scaled to 0\.\.1") as record:
        fit(model, kind, x / 255, y)
    assert sum("0..1" in str(w.message) for w in record) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_outside_the_head_is_an_error(model, pictures, kind):
    x, y = pictures
    with pytest.raises(Exception, match="label 3, while the head has 3"):
        fit(model, kind, x, y + 1)


def test_one_hot_labels_against_an_integer_loss_name_the_loss(model, pictures):
    x, y = pictures
    with pytest.raises(ValueError, match="loss='categorical_crossentropy'"):
        model.fit(x, np.eye(3)[y], verbose=0)


def test_integer_labels_against_a_one_hot_loss_name_the_loss(model, pictures):
    model.compile("adam", keras.losses.CategoricalCrossentropy())
    with pytest.raises(ValueError, match="sparse_categorical_crossentropy"):
        model.fit(*pictures, verbose=0)


def test_looking_at_a_seeded_tf_data_shuffle_does_not_move_its_order(model):
    tf = pytest.importorskip("tensorflow")
    numbers = tf.data.Dataset.range(20).shuffle(20, seed=3).batch(4)
    expected = [b.numpy().tolist() for b in numbers]
    # A second pass reshuffles, so compare with a fresh pipeline.
    numbers = tf.data.Dataset.range(20).shuffle(20, seed=3).batch(4)
    seen = []

    def spy(batch, *_):
        seen.append(batch)

    original, look.examine = look.examine, spy
    try:
        looked = adapt(numbers).looked_at(model).data
        assert [b.numpy().tolist() for b in looked] == expected
    finally:
        look.examine = original
    assert len(seen) == 1


def test_looking_at_a_torch_loader_does_not_move_its_order(model):
    torch = pytest.importorskip("torch")

    def order(look):
        torch.manual_seed(5)
        samples = torch.utils.data.TensorDataset(
            torch.zeros(12, 16, 16, 3), torch.arange(12) % 3
        )
        loader = torch.utils.data.DataLoader(samples, 4, shuffle=True)
        if look:
            adapt(loader).looked_at(model)
        return [y.tolist() for _, y in loader]

    assert order(look=True) == order(look=False)


def test_cut_off_takes_the_last_samples():
    x, y = np.arange(10), np.arange(10) * 2
    (a, b, w), (c, d, v) = cut_off((x, y, None), 0.3)
    assert a.tolist() == list(range(7)) and c.tolist() == [7, 8, 9]
    assert d.tolist() == [14, 16, 18] and w is v is None and len(b) == 7


@pytest.mark.parametrize("fraction", [0.95, 1.0, -0.1])
def test_cut_off_refuses_an_empty_part(fraction):
    with pytest.raises(ValueError, match="validation_split"):
        cut_off((np.arange(10),), fraction)
