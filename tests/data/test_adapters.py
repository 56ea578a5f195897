"""What people call data: one adapter for all of it."""

import collections
import types

import keras
import numpy as np
import pytest
from doubles import Batches, generator, tf_data, torch_loader

import keras_transfer as kt
from keras_transfer.data.adapters import adapt, adapt_packed
from keras_transfer.data.nested import are_arrays, to_numpy

X = np.arange(24.0).reshape(12, 2).astype("float32")
Y = np.arange(12) % 3
Pair = collections.namedtuple("Pair", "a b")


def read(data):
    adapter = adapt_packed(data, shuffle=False)
    return adapter.numbered(shuffle=False).read(np.arange(4))


ALIKE = {
    "lists of numbers": lambda: (X.tolist(), Y.tolist()),
    "tensors": lambda: (keras.ops.convert_to_tensor(X), Y),
    "batches by number": lambda: Batches(X, Y, 5),
    "tf.data": lambda: tf_data(X, Y, 5),
    "torch": lambda: torch_loader(X, Y, 5),
}


@pytest.mark.parametrize("name", ALIKE)
def test_the_same_samples_whatever_holds_them(name):
    x, y = read(ALIKE[name]())
    np.testing.assert_array_equal(x, X[:4])
    np.testing.assert_array_equal(y, Y[:4])
    assert x.dtype == "float32"


def test_lists_of_arrays_are_several_inputs():
    for kind in (list, tuple):
        x, _ = read((kind([X, 2 * X]), Y))
        assert isinstance(x, tuple)
        np.testing.assert_array_equal(x[1], 2 * X[:4])
    _, targets = read((X, [Y, X]))
    np.testing.assert_array_equal(targets[1], X[:4])


def test_names_stay():
    assert set(to_numpy({"a": X, "b": [1, 2]})) == {"a", "b"}
    assert to_numpy(Pair(X, Y)).b is not None
    assert isinstance(to_numpy(Pair(X, Y)), Pair)


def test_a_series_is_a_column():
    pandas = pytest.importorskip("pandas")
    assert to_numpy(pandas.Series(Y)).shape == (12, 1)
    assert to_numpy(pandas.DataFrame(X)).shape == (12, 2)


def test_what_is_no_array():
    assert not are_arrays([])
    assert not are_arrays(generator(X, Y))
    assert not are_arrays(Batches(X, Y))
    assert not are_arrays("folder")
    assert are_arrays({"a": X, "b": [1, 2]})


def test_rows_of_several_lengths_name_the_remedy():
    with pytest.raises(ValueError, match="pad_sequences"):
        adapt([[1, 2], [3]], [0, 1])


def test_single_samples_in_a_list_name_the_remedy():
    with pytest.raises(ValueError, match=r"np\.stack"):
        adapt([X[0], X[1], X[2]], [0, 1, 2])


class Tokens:
    """Batches of ids that are filled up batch by batch."""

    def __iter__(self):
        for length in (3, 5):
            yield np.ones((4, length), int), np.zeros(4, int)


def test_ids_of_several_lengths_are_filled_up(capsys):
    found = adapt(Tokens()).numbered("train")
    x, _ = found.data
    assert x.shape == (8, 5)
    assert x[0].tolist() == [1, 1, 1, 0, 0]
    assert "3 to 5 token ids" in capsys.readouterr().out


class Growing:
    def __iter__(self):
        for size in (3, 4):
            yield np.ones((2, size, size, 3)), np.zeros(2, int)


def test_images_of_several_sizes_are_refused():
    with pytest.raises(ValueError, match="resize images to one size"):
        adapt(Growing()).numbered("train")


def test_samples_one_by_one_are_refused():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    with pytest.raises(ValueError, match=r"\.batch\(32\)"):
        adapt(data).numbered("train")


def test_an_empty_data_set_is_refused():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4).take(0)
    with pytest.raises((ValueError, StopIteration)):
        adapt(data).numbered("train")


@pytest.mark.parametrize("data", ["photos/", 3, None])
def test_what_nobody_can_walk_over(data):
    with pytest.raises(ValueError, match="walked over again"):
        adapt(data).numbered("train")


def test_known_labels_cost_nothing():
    assert adapt(X, Y).labels is not None
    assert adapt(X).labels is None
    assert adapt(Batches(X, Y)).num_samples is None


def test_unlabelled():
    assert adapt(X).is_unlabelled() and not adapt(X, Y).is_unlabelled()
    assert not adapt(Batches(X, Y)).is_unlabelled()


def test_texts():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("texts in the graph need TensorFlow")
    words = keras.layers.TextVectorization(output_sequence_length=4)
    texts = ["good", "bad one", "good good", "bad"]
    words.adapt(texts)
    inputs = keras.Input((), dtype="string")
    x = keras.layers.Embedding(9, 4)(words(inputs))
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    for kind in (list, np.array, lambda t: np.array(t, object)):
        batches = adapt(kind(texts), [0, 1, 0, 1], shuffle=False).data
        assert np.isfinite(model.fit(batches, verbose=0).history["loss"][0])


def test_a_name_of_a_folder_or_all_parts_of_a_data_set(small_model):
    with pytest.raises(ValueError, match=r"load\('photos/'\)"):
        small_model.fit("photos/")
    parts = types.SimpleNamespace(train=X, validation=X)
    with pytest.raises(ValueError, match=r"validation_data=data\.validation"):
        small_model.fit(parts)


def test_no_samples():
    with pytest.raises(ValueError, match="no samples"):
        adapt(X[:0], Y[:0])


@pytest.fixture
def small_model():
    inputs = keras.Input((2,))
    source = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model = kt.TransferModel(source, head=3)
    model.compile("auto")
    return model


class TwoHeads(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.kind = keras.layers.Dense(3, activation="softmax")
        self.size = keras.layers.Dense(1)

    def build(self, shape):
        self.kind.build(shape)
        self.size.build(shape)

    def call(self, x):
        return [self.kind(x), self.size(x)]


def test_several_outputs():
    inputs = keras.Input((2,))
    source = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model = kt.TransferModel(source, head=TwoHeads())
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse"])
    data = X, [Y, Y.astype("float32")]
    for cache in (None, "memory"):
        found = model.fit(*data, feature_cache=cache, verbose=0)
        assert np.isfinite(found.history["loss"][0])
    with pytest.raises(ValueError, match="weights for each output"):
        model.fit(*data, class_weight={0: 1.0, 1: 2.0, 2: 1.0})
    with pytest.raises(ValueError, match="one output"):
        kt.fine_tune(model, data)


def test_one_sample_a_class_and_nothing_to_validate_on(small_model):
    with pytest.raises(ValueError, match="nothing to hold out"):
        kt.fine_tune(small_model, (X[:3], Y[:3]), epochs=2, verbose=0)


@pytest.mark.parametrize("kind", [tuple, list])
def test_validation_data_in_a_list(kind, small_model):
    found = small_model.fit(X, Y, validation_data=kind([X, Y]), verbose=0)
    assert np.isfinite(found.history["val_loss"][0])
