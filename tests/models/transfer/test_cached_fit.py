"""`fit(feature_cache=...)` equals `fit`; where it would not, it is refused."""

import contextlib

import keras
import numpy as np
import pytest
from rounding import kernels_ignore_the_batch

import keras_transfer as kt
from keras_transfer import _private, data
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.feature_cache import FeatureCache, building

layers = keras.layers
optimizers = keras.optimizers
callbacks = keras.callbacks

NUM = 20
BATCH = 8
CLASSES = 3


def backbone(**below):
    """Four blocks of a dense layer over 6 features, a batch norm in one."""
    inputs = x = keras.Input((6,))
    for index in range(4):
        x = layers.Dense(5, activation="tanh", name=f"dense{index}")(x)
        if index == 1:
            x = layers.BatchNormalization(name="norm1")(x)
        if f"block{index}" in below:
            x = below[f"block{index}"]()(x)
    return keras.Model(inputs, x, name="dense")


def adam():
    return optimizers.Adam(0.02)


def built(make=adam, head=CLASSES, depth=0, below=None, compiled=None, **kw):
    keras.utils.set_random_seed(7)
    model = kt.TransferModel(
        backbone(**(below or {})),
        head=head() if callable(head) else head,
        preprocessing=layers.Rescaling(0.5),
        output_layer="dense3",
        **kw,
    )
    for number, weights in enumerate(model.backbone.weights):
        # Statistics of batch norm that are not 0 and 1.
        weights.assign(weights + 0.1 * (number % 3))
    kt.set_trainable_depth(model, depth)
    model.compile(
        make(),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **(compiled(model) if compiled else {}),
    )
    return model


def vectors(num=NUM, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num, 6)).astype("float32"), np.arange(num) % CLASSES


class Pairs(keras.utils.PyDataset):
    """A user's data set of batches, the last one smaller."""

    def __init__(self, num=NUM, seed=0):
        super().__init__()
        self.x, self.y = vectors(num, seed)

    def __len__(self):
        return -(-len(self.x) // BATCH)

    def __getitem__(self, index):
        where = slice(BATCH * index, BATCH * (index + 1))
        return self.x[where], self.y[where]


def tf_data(num=NUM, seed=0, shuffled=False):
    tf = pytest.importorskip("tensorflow")
    found = tf.data.Dataset.from_tensor_slices(vectors(num, seed))
    return (_shuffled(found) if shuffled else found).batch(BATCH)


def _shuffled(dataset):
    # In one order, so that a test can know it.
    return dataset.shuffle(NUM, seed=1, reshuffle_each_iteration=False)


def torch_loader(num=NUM, seed=0, **kwargs):
    torch = pytest.importorskip("torch")
    x, y = map(torch.from_numpy, vectors(num, seed))
    samples = torch.utils.data.TensorDataset(x, y)
    return torch.utils.data.DataLoader(samples, batch_size=BATCH, **kwargs)


class Recorder(callbacks.Callback):
    """What a callback is told, and how it finds the model then."""

    def __init__(self):
        super().__init__()
        self.said = []

    def on_train_begin(self, logs=None):
        self.said.append(("train begin", dict(self.params)))

    def on_train_end(self, logs=None):
        self.said.append(("train end", sorted(logs or {})))

    def on_epoch_begin(self, epoch, logs=None):
        self.said.append(("epoch begin", epoch, self.model.trainable_depth))

    def on_epoch_end(self, epoch, logs=None):
        self.said.append(("epoch end", epoch, list(logs), *logs.values()))

    def on_train_batch_begin(self, batch, logs=None):
        self.said.append(("batch begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.said.append(("batch end", batch, *logs.values()))

    def on_test_begin(self, logs=None):
        self.said.append(("test begin",))

    def on_test_batch_end(self, batch, logs=None):
        self.said.append(("test batch", batch))

    def on_test_end(self, logs=None):
        self.said.append(("test end", sorted(logs)))


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def exact():
    return kernels_ignore_the_batch()


def assert_close(a, b, **kwargs):
    if exact():
        np.testing.assert_array_equal(a, b, **kwargs)
    else:
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, **kwargs)


def assert_same_history(history, expected):
    assert history.epoch == expected.epoch
    assert list(history.history) == list(expected.history)
    for name, series in expected.history.items():
        assert_close(history.history[name], series, err_msg=name)


def assert_same_model(model, expected):
    for a, b in zip(model.variables, expected.variables, strict=True):
        assert_close(*values([a, b]), err_msg=b.path)
    for a, b in zip(
        model.optimizer.variables, expected.optimizer.variables, strict=True
    ):
        assert_close(*values([a, b]), err_msg=b.path)
    flags = [layer.trainable for layer in _private.leaf_layers(model)]
    assert flags == [
        layer.trainable for layer in _private.leaf_layers(expected)
    ]


def assert_same_said(said, expected):
    """Numbers in what callbacks were told may differ where kernels do."""
    assert len(said) == len(expected)
    for a, b in zip(said, expected, strict=True):
        if exact():
            assert a == b
            continue
        for one, other in zip(a, b, strict=True):
            if isinstance(one, float):
                assert_close(one, other)
            else:
                assert one == other


def arrays(**kwargs):
    return lambda: (vectors(), {"batch_size": BATCH, **kwargs})


def fit(model, make_data, feature_cache, extra, validation=None, **kwargs):
    keras.utils.set_random_seed(11)
    positional, options = make_data()
    return model.fit(
        *positional,
        **{
            "epochs": 3,
            "verbose": 0,
            "validation_data": validation() if validation else None,
            "callbacks": extra,
            "feature_cache": feature_cache,
            **options,
            **kwargs,
        },
    )


def both(
    make_data,
    make_callbacks=tuple,
    feature_cache="memory",
    model=None,
    **kwargs,
):
    """Trains with and without a cache and compares all that is there.

    Returns:
        The cached side: model, History, and the recorder.
    """
    sides = []
    for cache in (None, feature_cache):
        made = built(**(model or {}))
        recorder = Recorder()
        history = fit(
            made, make_data, cache, [*make_callbacks(), recorder], **kwargs
        )
        sides.append((made, history, recorder))
    (expected, wanted, told), (made, history, recorder) = sides
    assert_same_history(history, wanted)
    assert_same_model(made, expected)
    assert_same_said(recorder.said, told.said)
    return sides[1]


@contextlib.contextmanager
def counted(monkeypatch):
    """Collects the number of rows of each run of a prefix."""
    rows, whole = [], building.run_prefix

    def counting(prefix, x, **kwargs):
        outputs = whole(prefix, x, **kwargs)
        rows.append(len(outputs[0]))
        return outputs

    with monkeypatch.context() as patch:
        patch.setattr(building, "run_prefix", counting)
        yield rows


def scheduled(*depths):
    def schedule(epoch, num_blocks):
        return num_blocks if depths[epoch] == "all" else depths[epoch]

    return lambda: [kt.FreezingScheduler(schedule)]


def some_slow(names, quick):
    """Cases of which a few are always run."""
    return [
        pytest.param(n, marks=[] if n in quick else [pytest.mark.slow])
        for n in names
    ]


# Data: arrays, data sets in batches, pipelines.

WEIGHTED = {
    "plain": {},
    "unshuffled": {"shuffle": False},
    "sample weights": {"sample_weight": np.linspace(0.5, 2.0, NUM)},
    "class weights": {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
    "both weights": {
        "sample_weight": np.linspace(0.5, 2.0, NUM),
        "class_weight": {0: 1.0, 1: 3.0, 2: 0.5},
    },
    "seed": {"seed": 5},
    "one batch": {"batch_size": NUM},
    "later epoch": {"initial_epoch": 1},
    "steps": {"steps_per_epoch": 2, "epochs": 4},
    "split": {"validation_split": 0.25},
}


@pytest.mark.parametrize(
    "name", some_slow(WEIGHTED, {"sample weights", "steps"})
)
def test_arrays(name):
    if name == "both weights":
        # Keras refuses both at once, cached or not.
        for cache in (None, "memory"):
            with pytest.raises(ValueError, match="class_weight"):
                fit(built(), arrays(**WEIGHTED[name]), cache, [])
        return
    _, history, _ = both(arrays(**WEIGHTED[name]))
    assert len(set(history.history["loss"])) == len(history.epoch) >= 2


def photos(folder, part="train"):
    loaded = data.load(
        folder, image_size=8, batch_size=BATCH, validation_split=0.25, seed=2
    )
    return getattr(loaded, part)


@pytest.fixture
def photo_folder(tmp_path, rng):
    images = pytest.importorskip("PIL.Image")
    for name in ("a", "b", "c"):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        for index in range(8):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
            images.fromarray(pixels).save(
                tmp_path / "photos" / "train" / name / f"{index}.png"
            )
    return tmp_path / "photos"


def conv_model(tiny_cnn, depth, **kwargs):
    keras.utils.set_random_seed(7)
    model = kt.TransferModel(
        tiny_cnn((8, 8, 3)), head=CLASSES, preprocessing="tf", **kwargs
    )
    kt.set_trainable_depth(model, depth)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("depth", some_slow([0, 2], {2}))
def test_photo_folder(depth, photo_folder, tiny_cnn):
    sides = []
    for cache in (None, "memory"):
        model = conv_model(tiny_cnn, depth)
        history = fit(
            model,
            lambda: ((photos(photo_folder),), {}),
            cache,
            [],
            validation=lambda: photos(photo_folder, "validation"),
        )
        sides.append((model, history))
    assert sides[1][0].class_names == ["a", "b", "c"]
    assert_same_history(sides[1][1], sides[0][1])
    assert_same_model(sides[1][0], sides[0][0])


BATCHED = {
    "pydataset": (Pairs, {}),
    "pydataset, unshuffled": (Pairs, {"shuffle": False}),
    "tf.data": (tf_data, {}),
    "torch": (torch_loader, {}),
}


@pytest.mark.parametrize("name", some_slow(BATCHED, {"pydataset", "tf.data"}))
def test_data_sets_in_batches(name):
    make, options = BATCHED[name]
    both(lambda: ((make(),), options), scheduled(0, 1, 1))


def test_a_shuffled_tf_data_comes_in_the_order_of_the_seed(capsys):
    """Our order of the samples as they come, and the note that says so."""
    x, y = vectors()
    model, expected = built(), built()
    history = fit(
        model, lambda: ((tf_data(shuffled=True),), {"seed": 3}), "memory", []
    )
    said = capsys.readouterr().out
    assert said.count("the data set shuffles by itself") == 1
    keras.utils.set_random_seed(11)
    first = list(tf_data(shuffled=True).unbatch().as_numpy_iterator())
    order = [
        int(np.flatnonzero((x == each).all(axis=1))[0]) for each, _ in first
    ]
    assert sorted(order) == list(range(NUM)) != order
    wanted = fit(
        expected,
        lambda: ((x[order], y[order]), {"batch_size": BATCH, "seed": 3}),
        None,
        [],
    )
    assert_same_history(history, wanted)
    assert_same_model(model, expected)


def test_a_torch_loader_with_a_random_sampler(capsys):
    torch = pytest.importorskip("torch")

    def loader():
        generator = torch.Generator().manual_seed(4)
        return torch_loader(shuffle=True, generator=generator)

    results = []
    for _ in range(2):
        model = built()
        history = fit(model, lambda: ((loader(),), {}), "memory", [])
        results.append((model, history))
    assert "shuffles by itself" in capsys.readouterr().out
    assert_same_history(results[0][1], results[1][1])
    assert_same_model(results[0][0], results[1][0])
    # As plausible a training as the uncached one, on the same samples.
    other = fit(built(), lambda: ((loader(),), {}), None, []).history
    losses = results[0][1].history["loss"]
    assert losses != other["loss"]
    np.testing.assert_allclose(losses, other["loss"], rtol=0.2)


def test_an_unshuffled_data_set_is_not_reported(capsys):
    fit(built(), lambda: ((Pairs(),), {}), "memory", [])
    assert "shuffles" not in capsys.readouterr().out


# Validation data.


def validation_arrays():
    return vectors(9, seed=1)


def weighted_validation():
    x, y = vectors(9, seed=1)
    return x, y, np.linspace(0.0, 1.0, 9).astype("float32")


VALIDATION = {
    "arrays": (validation_arrays, {}),
    "arrays in batches of 4": (validation_arrays, {"validation_batch_size": 4}),
    "weighted": (weighted_validation, {}),
    "pydataset": (lambda: Pairs(9, 1), {}),
    "seeded": (lambda: ArrayBatches(*vectors(9, 1), batch_size=4), {}),
    "tf.data": (lambda: tf_data(9, 1), {}),
    "torch": (lambda: torch_loader(9, 1), {}),
    "every second epoch": (validation_arrays, {"validation_freq": 2}),
    "first step": (lambda: Pairs(9, 1), {"validation_steps": 1}),
}


@pytest.mark.parametrize("name", some_slow(VALIDATION, {"weighted", "tf.data"}))
def test_validation(name):
    make, options = VALIDATION[name]
    _, history, _ = both(arrays(**options), scheduled(0, 2, 2), validation=make)
    assert {"val_loss", "val_accuracy"} <= set(history.history)


# Schedules.

SCHEDULES = {
    "up": (0, 0, 1, 1, 3, 3),
    "down": (3, 3, 1, 1, 0, 0),
    "one epoch each": (0, 1, 2, 3),
    "down, one epoch each": (3, 2, 1, 0),
    "up and down": (1, 2, 2, 0, 0, 3, 1),
    "through all": (1, 1, "all", 1, 0, 0),
    "all, then none": ("all", 0, 0),
    "all at last": (0, 0, "all"),
    "all of the time": ("all", "all"),
}


@pytest.mark.parametrize("name", some_slow(SCHEDULES, {"through all"}))
def test_schedules(name):
    depths = SCHEDULES[name]
    _, history, _ = both(
        arrays(),
        scheduled(*depths),
        epochs=len(depths),
        validation=validation_arrays,
    )
    full = len(built().blocks)
    assert history.history["trainable_blocks"] == [
        full if d == "all" else d for d in depths
    ]


def test_what_is_nearer_the_head_is_made_of_what_is_deeper(monkeypatch):
    """One pass over the data for the whole schedule, at its deepest."""
    prefixes = []
    whole = building.run_prefix

    def seen(prefix, x, **kwargs):
        prefixes.append(len(prefix.weights))
        return whole(prefix, x, **kwargs)

    monkeypatch.setattr(building, "run_prefix", seen)
    depths = (0, 0, 2, 2, 3, 3)
    fit(built(), arrays(), "memory", scheduled(*depths)(), epochs=6)
    # Two weights a dense layer, four of the batch norm. One sample, then all:
    # from the data to depth 3, from there to depth 0, and later to depth 2.
    assert prefixes == [2] * (1 + 3) + [10] * (1 + 1) + [6] * (1 + 1)


def test_a_depth_that_nobody_knew_beforehand():
    plateau = lambda: [  # noqa: E731
        kt.callbacks.UnfreezeOnPlateau(
            monitor="val_loss", min_delta=10.0, patience=1, verbose=0
        )
    ]
    _, history, _ = both(
        arrays(), plateau, epochs=4, validation=validation_arrays
    )
    assert history.history["trainable_blocks"] == [0, 0, 1, 2]


class SetsDepth(callbacks.Callback):
    """A user's own way of unfreezing."""

    def __init__(self, *depths):
        super().__init__()
        self.depths = depths

    def on_epoch_begin(self, epoch, logs=None):
        kt.set_trainable_depth(self.model, self.depths[epoch])


class SetsDepthAtEnd(SetsDepth):
    def on_epoch_begin(self, epoch, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        kt.set_trainable_depth(self.model, self.depths[epoch])


KINDS = [SetsDepth, SetsDepthAtEnd]


@pytest.mark.parametrize(
    "depths",
    some_slow(
        [(0, 1, 1, 3), (2, 0, 0, 1), (0, 4, 4, 1), (3, 1, 2, 2)],
        {(0, 1, 1, 3)},
    ),
)
@pytest.mark.parametrize("kind", some_slow(KINDS, {SetsDepth}))
def test_a_callback_that_sets_the_depth(kind, depths):
    both(
        arrays(),
        lambda: [kind(*depths)],
        epochs=4,
        validation=validation_arrays,
    )


def test_a_schedule_beside_a_callback_that_sets_another_depth():
    class Deeper(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                kt.set_trainable_depth(self.model, 3)

    both(arrays(), lambda: [*scheduled(0, 1, 1, 1)(), Deeper()], epochs=4)


def test_a_depth_that_changes_within_an_epoch_is_refused():
    class Midway(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kt.set_trainable_depth(self.model, 1)

    with pytest.raises(ValueError, match=r"changes within an epoch.*batch 1"):
        fit(built(), arrays(), "memory", [Midway()])


# Beside the other options of a training.


def regularized(model):
    return {"regularizer": kt.L2SP(0.1, 0.1)}


OPTIONS = {
    "averages": {
        "make": lambda: optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.8)
    },
    "averages, overwritten": {
        "make": lambda: optimizers.Adam(
            0.02, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2
        )
    },
    "accumulating": {
        "make": lambda: optimizers.Adam(0.02, gradient_accumulation_steps=2)
    },
    "pull to the start": {"compiled": regularized},
    "layer-wise": {
        "make": lambda: kt.LayerwiseOptimizer(
            optimizers.AdamW(0.02, weight_decay=0.1), decay=0.5
        )
    },
    "dropout in the head": {
        "head": lambda: kt.ClassificationHead(
            CLASSES, hidden_units=(4,), dropout=0.4
        )
    },
    "a layer as head": {
        "head": lambda: layers.Dense(
            CLASSES, activation="softmax", name="classes"
        )
    },
    "batch norm trains": {"train_batch_norm": True},
    "rate that falls": {
        "make": lambda: optimizers.SGD(
            optimizers.schedules.ExponentialDecay(0.1, 3, 0.7), momentum=0.9
        )
    },
    "several steps a call": {"compiled": lambda m: {"steps_per_execution": 2}},
    "weighted metrics": {
        "compiled": lambda m: {"weighted_metrics": ["accuracy"]}
    },
    "eager": {"compiled": lambda m: {"run_eagerly": True}},
}


@pytest.mark.parametrize(
    "name", some_slow(OPTIONS, {"averages", "dropout in the head"})
)
def test_options(name):
    if name == "several steps a call" and keras.backend.backend() == "torch":
        pytest.skip("torch has one step a call")
    both(
        arrays(),
        scheduled(0, 2, 2, 1),
        epochs=4,
        model=OPTIONS[name],
        validation=validation_arrays,
    )


def test_random_layers_that_train_or_stand_above_the_boundary():
    """Dropout in a block above the boundary draws as without the cache."""
    both(
        arrays(),
        model={
            "depth": 2,
            "below": {"block2": lambda: layers.Dropout(0.3, seed=3)},
        },
    )


@pytest.mark.slow
def test_a_loss_of_its_own_in_compute_loss():
    class Doubled(kt.TransferModel):
        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs
        ):
            assert y_pred.shape[-1] == CLASSES
            return 2 * super().compute_loss(
                x, y, y_pred, sample_weight, **kwargs
            )

    results = []
    for cache in (None, "memory"):
        keras.utils.set_random_seed(7)
        model = Doubled(
            backbone(),
            head=CLASSES,
            preprocessing=None,
            output_layer="dense3",
        )
        model.compile(adam(), "sparse_categorical_crossentropy")
        history = fit(model, arrays(), cache, scheduled(0, 1, 1)())
        results.append((model, history))
    assert_same_history(results[1][1], results[0][1])
    assert_same_model(results[1][0], results[0][0])


# Callbacks of Keras and of this package.


def test_for_the_callbacks_it_is_one_training():
    _, history, recorder = both(
        arrays(),
        scheduled(0, 0, 2, 1),
        epochs=4,
        validation=validation_arrays,
    )
    names = [each[0] for each in recorder.said]
    assert names.count("train begin") == names.count("train end") == 1
    assert names[0] == "train begin" and names[-1] == "train end"
    begun = [e[1] for e in recorder.said if e[0] == "epoch begin"]
    assert begun == [0, 1, 2, 3] == history.epoch
    assert names.count("batch end") == 4 * 3
    assert history is recorder.model.history
    assert recorder.said[0][1]["epochs"] == 4
    assert recorder.said[0][1]["steps"] == 3


@pytest.mark.slow
def test_early_stopping_restores_the_best_weights():
    # Nothing to learn: validation gets worse.
    _, history, _ = both(
        arrays(),
        lambda: [
            *scheduled(0, 1, 2, 3, 3, 3, 3, 3)(),
            callbacks.EarlyStopping(
                "val_loss", patience=1, restore_best_weights=True
            ),
        ],
        epochs=8,
        model={"make": lambda: optimizers.SGD(3.0)},
        validation=lambda: (vectors(9, 1)[0], 2 - vectors(9, 1)[1]),
    )
    assert len(history.epoch) < 8


class StopsAt(callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == self.epoch


@pytest.mark.parametrize("epoch", some_slow([0, 1, 2], {1}))
def test_a_training_that_is_stopped_where_a_boundary_moves(epoch):
    _, history, _ = both(
        arrays(),
        lambda: [SetsDepthAtEnd(0, 2, 2, 2), StopsAt(epoch)],
        epochs=4,
    )
    assert history.epoch == list(range(epoch + 1))


def test_the_whole_model_is_saved(tmp_path):
    for side in ("cached", "uncached"):
        fit(
            built(),
            arrays(),
            "memory" if side == "cached" else None,
            [
                *scheduled(0, 2, 2)(),
                callbacks.ModelCheckpoint(tmp_path / (side + "{epoch}.keras")),
            ],
        )
    x, _ = vectors()
    for epoch in (1, 2, 3):
        cached, expected = (
            keras.saving.load_model(tmp_path / f"{side}{epoch}.keras")
            for side in ("cached", "uncached")
        )
        assert isinstance(cached, kt.TransferModel)
        assert cached.trainable_depth == (0, 2, 2)[epoch - 1]
        assert_same_model(cached, expected)
        assert_close(
            cached.predict(x, verbose=0), expected.predict(x, verbose=0)
        )


@pytest.mark.slow
def test_rates_that_callbacks_set():
    _, history, _ = both(
        arrays(),
        lambda: [
            *scheduled(0, 0, 1, 1, 2, 2)(),
            callbacks.LearningRateScheduler(
                lambda epoch, rate: rate * 0.8 if epoch else rate
            ),
            callbacks.ReduceLROnPlateau(
                "loss", factor=0.5, patience=1, min_delta=10.0
            ),
        ],
        epochs=6,
    )
    rates = history.history["learning_rate"]
    assert rates[0] > rates[1] > rates[2] > rates[-1]


@pytest.mark.slow
def test_averages_that_are_swapped_in(tmp_path):
    both(
        arrays(),
        lambda: [
            *scheduled(0, 1, 1, 2)(),
            callbacks.SwapEMAWeights(swap_on_epoch=True),
        ],
        epochs=4,
        model={"make": OPTIONS["averages"]["make"]},
        validation=validation_arrays,
    )


@pytest.mark.slow
def test_freeze_audit_finds_nothing():
    both(
        arrays(),
        lambda: [*scheduled(0, 2, 1, 4)(), kt.callbacks.FreezeAudit()],
        epochs=4,
        model={"train_batch_norm": True},
    )


class Interrupt(callbacks.Callback):
    def __init__(self, epoch, batch=1):
        super().__init__()
        self.place = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise KeyboardInterrupt("interrupted")


@pytest.mark.parametrize("epoch", some_slow([1, 2, 4], {2}))
@pytest.mark.parametrize("place", some_slow(["memory", "disk"], {"disk"}))
def test_an_interrupted_training_goes_on(epoch, place, tmp_path):
    depths = scheduled(0, 0, 2, 2, 1, 3)
    head = {"head": OPTIONS["dropout in the head"]["head"]}
    expected = built(**head)
    wanted = fit(
        expected,
        arrays(),
        None,
        depths(),
        epochs=6,
        validation=validation_arrays,
    )
    cache = "memory" if place == "memory" else tmp_path / "cache"
    checkpoint = lambda: kt.callbacks.TransferCheckpoint(  # noqa: E731
        tmp_path / "run", verbose=0
    )
    first = built(**head)
    with pytest.raises(KeyboardInterrupt):
        fit(
            first,
            arrays(),
            cache,
            [*depths(), checkpoint(), Interrupt(epoch)],
            epochs=6,
            validation=validation_arrays,
        )
    assert first._suffix is None
    second = built(**head)
    recorder = Recorder()
    history = fit(
        second,
        arrays(),
        cache,
        [*depths(), checkpoint(), recorder],
        epochs=6,
        validation=validation_arrays,
    )
    begun = [e[1] for e in recorder.said if e[0] == "epoch begin"]
    assert begun == list(range(epoch, 6))
    assert_same_history(history, wanted)
    assert_same_model(second, expected)


# Refusals.


def refused(match, make_data=None, feature_cache="memory", **model):
    made = built(**model)
    with pytest.raises(ValueError, match=match):
        fit(made, make_data or arrays(), feature_cache, [])
    assert made._suffix is None
    return made


def test_dropout_below_the_boundary_is_refused():
    below = {"block1": lambda: layers.Dropout(0.3, name="drops")}
    refused("'drops' below the boundary draws random numbers", below=below)
    # Above it there is no obstacle.
    fit(built(below=below, depth=3), arrays(), "memory", [])


def test_augmentation_needs_views():
    noise = layers.GaussianNoise(0.5, seed=3, name="noise")
    refused(r"'noise' below.*views=K keeps K versions", augmentation=noise)


def test_an_activity_regularizer_is_refused():
    below = {
        "block0": lambda: layers.Dense(
            5, activity_regularizer="l2", name="costs"
        )
    }
    refused("'costs' below the boundary has an activity", below=below)


def test_a_call_of_its_own_is_refused():
    class Own(kt.TransferModel):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training, mask=mask)

    model = Own(backbone(), head=CLASSES, preprocessing=None)
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="Own has a `call` of its own"):
        fit(model, arrays(), "memory", [])


def test_batch_norm_that_trains_below_the_boundary_is_refused():
    model = built()
    norm = model.backbone.get_layer("norm1")
    norm.trainable = True
    with pytest.raises(ValueError, match="'norm1' below the boundary trains"):
        fit(model, arrays(), "memory", [])


def test_a_generator_is_refused():
    def generator():
        while True:
            yield vectors(8)

    refused(
        "walked over again. Received: a generator",
        lambda: ((generator(),), {"steps_per_epoch": 2}),
    )


class Drawn(Pairs):
    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x + np.random.normal(size=x.shape).astype("float32"), y


@pytest.mark.parametrize("shuffle", [True, False])
def test_data_that_differ_when_read_again_are_refused(shuffle):
    refused(
        "whose first batch differs",
        lambda: ((Drawn(),), {"shuffle": shuffle}),
    )


def test_tf_data_that_draws_or_never_ends_is_refused():
    tf = pytest.importorskip("tensorflow")

    generator = tf.random.Generator.from_seed(1)

    def noisy(x, y):
        return x + generator.normal(tf.shape(x)), y

    refused("first batch differs", lambda: ((tf_data().map(noisy),), {}))
    refused(
        "repeats for ever",
        lambda: ((tf_data().repeat(),), {"steps_per_epoch": 2}),
    )


def test_a_wrong_value_is_refused_before_anything_trains():
    refused("`feature_cache` is None, 'memory'", feature_cache=7)


def test_a_refused_training_leaves_the_model_as_it_was():
    below = {"block1": lambda: layers.Dropout(0.3, name="drops")}
    model = refused("draws random numbers", below=below)
    fresh = built(below=below)
    assert_same_model(model, fresh)
    a = fit(model, arrays(), None, [])
    b = fit(fresh, arrays(), None, [])
    assert a.history == b.history


# Views.


def augmented():
    return {"augmentation": layers.GaussianNoise(0.5, seed=3)}


def test_views_are_used_one_after_the_other():
    """Epoch e trains on view e % K, as on arrays with those activations."""
    cache = FeatureCache("memory", views=2)
    model = built(**augmented())
    history = fit(model, arrays(), cache, [], epochs=4)
    (found,) = cache.kept.values()
    first, second = (found.take(np.arange(NUM), view) for view in (0, 1))
    assert np.abs(first - second).max() > 0.01
    # The head alone, on those arrays, epoch after epoch.
    head = built(**augmented()).head
    inputs = keras.Input(first.shape[1:])
    plain = keras.Model(inputs, head(inputs))
    plain.compile(adam(), "sparse_categorical_crossentropy")
    losses = []
    for epoch in range(4):
        batches = ArrayBatches(
            (first, second)[epoch % 2], vectors()[1], batch_size=BATCH
        )
        batches.epoch = epoch
        losses += plain.fit(batches, verbose=0, shuffle=False).history["loss"]
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


def test_two_runs_with_one_cache_of_views_are_equal(monkeypatch):
    cache = FeatureCache("memory", views=3)
    results = []
    for computes in (True, False):
        model = built(**augmented())
        with counted(monkeypatch) as rows:
            history = fit(
                model, arrays(), cache, [], validation=validation_arrays
            )
        assert bool(rows) == computes
        results.append((model, history))
    assert_same_history(results[1][1], results[0][1])
    assert_same_model(results[1][0], results[0][0])


def test_validation_data_are_not_augmented():
    """The same validation numbers as of the trained model itself."""
    model = built(**augmented())
    history = fit(
        model,
        arrays(),
        FeatureCache("memory", views=2),
        [],
        validation=validation_arrays,
    )
    loss, accuracy = model.evaluate(*validation_arrays(), verbose=0)
    np.testing.assert_allclose(history.history["val_loss"][-1], loss, rtol=1e-5)
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy)


# One cache, several trainings.


@pytest.mark.parametrize("place", some_slow(["object", "folder"], {"folder"}))
def test_what_is_there_is_used_again(place, tmp_path, monkeypatch):
    made = FeatureCache("memory")

    def cache():
        return made if place == "object" else tmp_path / "cache"

    def run(model, make_data=None):
        with counted(monkeypatch) as rows:
            history = fit(
                model,
                make_data or arrays(),
                cache(),
                [],
                validation=validation_arrays,
            )
        return history, sum(rows)

    first, second = built(), built()
    one, computed = run(first)
    assert computed >= NUM + 9
    # The names of the layers differ, and the order does not matter.
    two, computed = run(second, arrays(seed=0))
    assert computed == 0
    assert_same_history(two, one)
    assert_same_model(second, first)
    # The same object again, which has trained its head meanwhile.
    assert run(second)[1] == 0
    changed = built()
    changed.backbone.get_layer("dense0").kernel.assign_add(
        keras.ops.ones((6, 5)) * 1e-6
    )
    assert run(changed)[1] >= NUM + 9
    x, y = vectors()
    x[3, 2] += 1e-6
    data_changed = lambda: ((x, y), {"batch_size": BATCH})  # noqa: E731
    assert NUM <= run(built(), data_changed)[1] < NUM + 9
    labels_changed = lambda: ((vectors()[0], y[::-1]), {})  # noqa: E731
    fresh = built()
    history, computed = run(fresh, labels_changed)
    assert computed >= NUM
    expected = fit(
        built(), labels_changed, None, [], validation=validation_arrays
    )
    assert_same_history(history, expected)


def test_memory_alone_keeps_nothing(monkeypatch):
    for _ in range(2):
        with counted(monkeypatch) as rows:
            fit(built(), arrays(), "memory", [])
        assert sum(rows) >= NUM


@pytest.mark.slow
def test_a_folder_with_a_training_that_unfreezes(tmp_path):
    for _ in range(2):
        both(
            arrays(),
            scheduled(0, 0, 2, 2, 1, 1),
            feature_cache=tmp_path / "cache",
            epochs=6,
            validation=validation_arrays,
        )


def test_more_than_max_bytes_is_refused_with_the_figure(monkeypatch):
    # 20 rows of 5 numbers of 4 bytes.
    cache = FeatureCache("memory", max_bytes=399)
    with (
        counted(monkeypatch) as rows,
        pytest.raises(ValueError, match=r"take 400 bytes.*max_bytes=399"),
    ):
        fit(built(), arrays(), cache, [])
    assert sum(rows) <= 1
    fit(built(), arrays(), FeatureCache("memory", max_bytes=400), [])


@pytest.mark.parametrize(
    "dtype", some_slow(["float16", "bfloat16"], {"bfloat16"})
)
def test_sixteen_bits_are_near_the_exact_numbers(dtype):
    exact = fit(built(), arrays(), "memory", []).history["loss"]
    cache = FeatureCache("memory", dtype=dtype)
    losses = fit(built(), arrays(), cache, []).history["loss"]
    assert losses != exact
    np.testing.assert_allclose(losses, exact, rtol=1e-2)


def test_the_line_that_says_what_it_saves(capsys):
    fit(built(), arrays(), "memory", [], epochs=5, verbose=2)
    said = capsys.readouterr().out
    assert f"{NUM} samples through the frozen part once" in said
    assert "instead of in each of 5 epochs" in said


# Afterwards it is a model like any other.


def test_the_model_is_used_normally_afterwards(tmp_path):
    sides = []
    for cache in (None, "memory"):
        model = built()
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


@pytest.mark.slow
def test_a_cached_fit_after_another(tmp_path):
    """Weights, optimizer and clocks go on as in two uncached fits."""
    sides = []
    for cache in (None, "memory"):
        model = built(**OPTIONS["averages"])
        one = fit(model, arrays(), cache, scheduled(0, 2)(), epochs=2)
        two = fit(
            model,
            arrays(),
            cache,
            scheduled(0, 2, 1, 0)(),
            epochs=4,
            initial_epoch=2,
        )
        assert two.epoch == [2, 3]
        sides.append((model, one, two))
    for index in (1, 2):
        assert_same_history(sides[1][index], sides[0][index])
    assert_same_model(sides[1][0], sides[0][0])
