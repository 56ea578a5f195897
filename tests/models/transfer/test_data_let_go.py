"""Data that a call was given are not kept when it has ended."""

import gc
import os
import weakref
from pathlib import Path

import pytest
from doubles import Batches, Interrupt, generator, torch_loader, vectors
from small_nets import built, dense_net

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches


class Loaded(Batches):
    """A user's data set that is read by a thread."""

    def __init__(self, x, y):
        super().__init__(x, y)
        self._workers = 2


KINDS = {
    "arrays": lambda x, y: (x, y),
    "seeded": lambda x, y: (ArrayBatches(x, y, batch_size=8),),
    "data set": lambda x, y: (Batches(x, y),),
    "threads": lambda x, y: (Loaded(x, y),),
    "generator": lambda x, y: (generator(x, y),),
    "torch": lambda x, y: (torch_loader(x, y),),
}


def model():
    return built(dense_net, head=3, depth=0)


def fit(data, **options):
    model().fit(*data, verbose=0, **options)


def validated(data):
    inputs = data[0] if len(data) == 1 else data
    model().fit(*vectors(), validation_data=inputs, epochs=2, verbose=0)


def raises(data):
    trained = model()
    inputs = data[0] if len(data) == 1 else data
    with pytest.raises(KeyboardInterrupt):
        trained.fit(
            *data,
            validation_data=inputs,
            epochs=3,
            callbacks=Interrupt(1, "begin"),
            verbose=0,
        )
    return trained


def cached(data):
    fit(data, epochs=2, feature_cache="memory")


def evaluate(data):
    model().evaluate(*data, verbose=0)


def predict(data):
    model().predict(data[0], verbose=0)


def alive(use, make):
    """Whether images and labels are there when their user has dropped them."""
    x, y = vectors(24)
    left = weakref.ref(x), weakref.ref(y)
    kept = use(make(x, y))
    del x, y
    gc.collect()
    return [each() is not None for each in left], kept


@pytest.mark.parametrize(
    "use, kind",
    [
        *((fit, kind) for kind in KINDS),
        (validated, "arrays"),
        (validated, "seeded"),
        (evaluate, "seeded"),
        (evaluate, "generator"),
        (predict, "seeded"),
        (cached, "arrays"),
        (cached, "data set"),
        (raises, "arrays"),
        (raises, "seeded"),
    ],
)
def test_data_of_a_call(use, kind):
    assert alive(use, KINDS[kind])[0] == [False, False]


def test_a_data_set_goes_on_where_it_was():
    x, y = vectors()
    batches = ArrayBatches(x, y, batch_size=8)
    trained = model()
    for expected in (1, 2):
        trained.evaluate(batches, verbose=0)
        assert batches.epoch == expected
    rest = generator(x, y)
    trained.fit(rest, steps_per_epoch=1, verbose=0)
    # Keras reads two batches ahead, TensorFlow more.
    assert sum(len(batch[1]) for batch in rest) < len(x)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux")
def test_files_of_a_feature_cache_are_closed(tmp_path):
    def open_files():
        files = Path("/proc/self/fd").iterdir()
        return sum(os.path.realpath(f).startswith(str(tmp_path)) for f in files)

    for _ in range(2):
        fit(vectors(), epochs=2, feature_cache=tmp_path)
        gc.collect()
        assert open_files() == 0


def matched(data):
    target, source = (
        kt.TransferModel(dense_net(2), head=3, preprocessing=None)
        for _ in range(2)
    )
    kt.unfreeze(target)
    matcher = kt.FeatureMatcher(source=source, target=target)
    matcher.compile("auto")
    matcher.fit(*data, epochs=2, verbose=0, feature_cache="memory")


def fine_tuned(data):
    kt.fine_tune(model(), data, validation=data, epochs=1, verbose=0)


@pytest.mark.filterwarnings("ignore:The source")
@pytest.mark.parametrize("use", [matched, fine_tuned])
def test_data_of_recipes(use):
    assert alive(use, KINDS["arrays"])[0] == [False, False]


def test_a_generator_that_has_ended():
    batches = generator(*vectors())
    assert list(batches)
    for use in (fit, evaluate):
        with pytest.raises(ValueError, match=r"no batch.*anew"):
            use((batches,))


def test_no_data():
    with pytest.raises(ValueError, match="There are no data"):
        model().evaluate(None, verbose=0)
