"""A schedule inside one `fit`, beside every other option of Keras."""

import keras
import numpy as np
import pytest
from keras import callbacks, optimizers

import keras_transfer as kt
from keras_transfer import _private
from keras_transfer.training.freezing import trainable_candidates

BACKEND = keras.backend.backend()
STAGES = [0, 2, 1, 3]
NUM_SAMPLES = 20
# Earlier ones pair the averages of all variables with those that train.
SWAPS_A_PART = tuple(map(int, keras.version().split(".")[:2])) >= (3, 15)
SWAPS_THE_WRONG_ONES = "SwapEMAWeights needs Keras 3.15 where a part trains"

OPTIMIZERS = {
    "stock": lambda rate, **options: optimizers.Adam(rate, **options),
    "layer-wise": lambda rate, **options: kt.LayerwiseOptimizer(
        optimizers.AdamW(rate, weight_decay=0.01, **options), decay=0.7
    ),
}
# name: what it adds to the optimizer, compile, fit, callbacks, the policy.
CASES = {
    "mixed_bfloat16": {"policy": "mixed_bfloat16"},
    "mixed_float16": {"policy": "mixed_float16"},
    "mixed_float16, averages, accumulated gradients": {
        "policy": "mixed_float16",
        "optimizer": {"use_ema": True, "gradient_accumulation_steps": 2},
    },
    "accumulated gradients, three steps an epoch": {
        "optimizer": {"gradient_accumulation_steps": 2},
        "fit": {"batch_size": 8},
    },
    "averages, written back": {
        "optimizer": {"use_ema": True, "ema_overwrite_frequency": 2}
    },
    "averages, swapped for validation": {
        "optimizer": {"use_ema": True},
        "callbacks": lambda: [callbacks.SwapEMAWeights()],
        "validates": True,
    },
    "averages, swapped each epoch": {
        "optimizer": {"use_ema": True},
        "callbacks": lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
    },
    "mixed_float16, averages, swapped each epoch": {
        "policy": "mixed_float16",
        "optimizer": {"use_ema": True},
        "callbacks": lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
    },
    "clipnorm, class weights": {
        "optimizer": {"clipnorm": 0.1},
        "fit": {"class_weight": {0: 0.5, 1: 1.0, 2: 2.0}},
    },
    "clipvalue, sample weights": {
        "optimizer": {"clipvalue": 0.01},
        "fit": {"sample_weight": np.linspace(0.1, 2, NUM_SAMPLES)},
    },
    "global_clipnorm, cosine decay": {
        "optimizer": {"global_clipnorm": 0.1},
        "rate": lambda: optimizers.schedules.CosineDecay(0.01, 20),
    },
    "several steps at once": {
        "compile": {"steps_per_execution": 3},
        "fit": {"batch_size": 4},
    },
    # The other cases do on JAX and do not on TensorFlow.
    "machine code where it is not usual": {
        "compile": {"jit_compile": BACKEND != "jax"}
    },
    "eager, rates that callbacks set": {
        "compile": {"run_eagerly": True},
        "callbacks": lambda: [
            callbacks.LearningRateScheduler(lambda epoch: 0.01),
            callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=1e3),
        ],
    },
}


def why_not(name):
    """Why a backend, or this Keras, cannot do what a case asks for."""
    if "swapped" in name and not SWAPS_A_PART:
        return SWAPS_THE_WRONG_ONES
    case = CASES[name]
    if BACKEND == "torch":
        if case.get("compile", {}).get("steps_per_execution"):
            return "torch runs one step at a time"
        if case.get("compile", {}).get("jit_compile"):
            return "torch.compile needs a C++ compiler, and half a minute"
    return None


class Samples(keras.metrics.Metric):
    """How many samples it has seen since it was reset."""

    def __init__(self, name="samples"):
        super().__init__(name=name)
        self.seen = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        number = keras.ops.shape(y_true)[0]
        self.seen.assign_add(keras.ops.cast(number, self.seen.dtype))

    def result(self):
        return keras.ops.convert_to_tensor(self.seen)


class Watch(callbacks.Callback):
    """Keeps each layer's weights at both ends of each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []
        self.metrics = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append([])

    def on_train_batch_begin(self, batch, logs=None):
        # Not in on_epoch_begin, where averages are still to be swapped.
        if not self.epochs[-1]:
            self.epochs[-1].append(layer_weights(self.model))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs[-1].append(layer_weights(self.model))
        self.metrics.append([id(metric) for metric in self.model.metrics])


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def layer_weights(model):
    """The weights of the three blocks and of the head."""
    blocks = [block.layers[0] for block in model.blocks]
    return [values(layer.weights) for layer in [*blocks, model.head]]


def transfer_model(policy=None):
    """Three blocks of a dense layer each, over 6 features."""
    keras.config.set_dtype_policy(policy or "float32")
    try:
        inputs = keras.Input((6,))
        x = inputs
        for index in range(3):
            x = keras.layers.Dense(
                4, activation="tanh", use_bias=False, name=f"dense{index}"
            )(x)
        backbone = keras.Model(inputs, x, name="dense")
        return kt.TransferModel(
            backbone, head=3, preprocessing=None, output_layer="dense2"
        )
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.fixture
def samples(rng):
    x = rng.normal(size=(NUM_SAMPLES, 6)).astype("float32")
    return x, np.arange(NUM_SAMPLES) % 3


def scheduler():
    return kt.FreezingScheduler(lambda epoch, num_blocks: STAGES[epoch])


def compiled(model, optimizer, **options):
    # Compiling to machine code costs more than it shows, on TensorFlow.
    options = {"jit_compile": BACKEND == "jax"} | options
    if options.get("run_eagerly"):
        options["jit_compile"] = False
    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=[Samples()],
        **options,
    )
    return model


def fit(model, samples, used, **options):
    options = {"batch_size": 5, "epochs": len(STAGES), "verbose": 0} | options
    return model.fit(*samples, callbacks=used, **options).history


def trained(model, case, samples):
    watch = Watch()
    others = case.get("callbacks", list)()
    validation = samples if case.get("validates") else None
    history = fit(
        model,
        samples,
        [watch, *others, scheduler(), kt.FreezeAudit()],
        validation_data=validation,
        **case.get("fit", {}),
    )
    return history, watch


def equal(before, after):
    return [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize(
    "optimizer",
    [pytest.param("stock", marks=pytest.mark.slow), "layer-wise"],
)
@pytest.mark.parametrize("name", CASES)
def test_a_schedule_beside(name, optimizer, samples):
    reason = why_not(name)
    if reason:
        pytest.skip(reason)
    case = CASES[name]
    rate = case.get("rate", lambda: 0.01)()
    options = case.get("optimizer", {})
    model = compiled(
        transfer_model(case.get("policy")),
        OPTIMIZERS[optimizer](rate, **options),
        **case.get("compile", {}),
    )
    clock = model.optimizer
    history, watch = trained(model, case, samples)

    assert model.optimizer is clock
    assert history["trainable_blocks"] == STAGES
    assert np.all(np.isfinite(history["loss"]))
    assert history["samples"] == [NUM_SAMPLES] * len(STAGES)
    assert watch.metrics == [watch.metrics[0]] * len(STAGES)
    for depth, (before, after) in zip(STAGES, watch.epochs, strict=True):
        frozen = 3 - depth
        for layer in range(frozen):
            assert all(equal(before[layer], after[layer]))
        for layer in range(frozen, 4):
            assert not any(equal(before[layer], after[layer]))
    if case.get("policy") == "mixed_float16":
        assert isinstance(model.optimizer, optimizers.LossScaleOptimizer)
    if options.get("use_ema"):
        assert_averages_are_in_the_model(model)


def inner(model):
    return _private.wrapped_optimizers(model.optimizer)[-1]


def assert_averages_are_in_the_model(model):
    optimizer = inner(model)
    for variable, average in zip(
        optimizer._trainable_variables,
        optimizer._model_variables_moving_average,
        strict=True,
    ):
        np.testing.assert_array_equal(*values([variable, average]))


class StepByStep(callbacks.Callback):
    """Keeps weights and averages after each step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_begin(self, logs=None):
        self.start = values(trainable_candidates(self.model))

    def on_train_batch_end(self, batch, logs=None):
        _private.sync_state(self.model)
        optimizer = inner(self.model)
        self.steps.append(
            (
                values(optimizer._trainable_variables),
                values(optimizer._model_variables_moving_average),
            )
        )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_averages_follow_the_recursion_from_where_a_variable_joins(
    optimizer, samples
):
    """a = m a + (1 - m) v where it trains, and a = v where it does not."""
    model = compiled(
        transfer_model(),
        OPTIMIZERS[optimizer](0.01, use_ema=True, ema_momentum=0.75),
    )
    steps = StepByStep()
    fit(model, samples, [scheduler(), steps])
    assert len(steps.steps) == 4 * len(STAGES)
    expected = steps.start
    for number, (weights, averages) in enumerate(steps.steps):
        frozen = 3 - STAGES[number // 4]
        momentum = 0.75 if number else 0.0
        for index, weight in enumerate(weights):
            if index < frozen:
                expected[index] = weight
            else:
                old = expected[index]
                expected[index] = momentum * old + (1 - momentum) * weight
            np.testing.assert_allclose(
                averages[index], expected[index], rtol=1e-5, atol=1e-7
            )
    for weight, average in zip(
        values(trainable_candidates(model)), expected, strict=True
    ):
        np.testing.assert_allclose(weight, average, rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(not SWAPS_A_PART, reason=SWAPS_THE_WRONG_ONES)
def test_averages_that_are_swapped_end_as_without_swapping(samples):
    """SwapEMAWeights goes before FreezingScheduler in the list.

    After it, a block that is frozen again would stop at its average.
    """

    def weights(*swap):
        keras.utils.set_random_seed(3)
        optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75)
        model = compiled(transfer_model(), optimizer)
        fit(model, samples, [*swap, scheduler()])
        return model.get_weights()

    swapped = weights(callbacks.SwapEMAWeights(swap_on_epoch=True))
    for a, b in zip(swapped, weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def rates(model, samples, others):
    """How far each layer moves in each epoch of one step.

    With betas of 0 an update of Adam is the rate times a sign.
    """
    watch = Watch()
    fit(
        model,
        samples,
        [watch, scheduler(), *others],
        batch_size=NUM_SAMPLES,
    )
    return [
        [
            max(np.max(np.abs(a - b)) for a, b in zip(*layer, strict=True))
            for layer in zip(before, after, strict=True)
        ]
        for before, after in watch.epochs
    ]


@pytest.mark.parametrize(
    ("rate", "callback", "expected"),
    [
        (
            0.1,
            lambda: callbacks.LearningRateScheduler(
                lambda epoch: 0.1 / (1 + epoch)
            ),
            [0.1, 0.05, 0.1 / 3, 0.025],
        ),
        (
            # Nothing is an improvement of 1000: halved after each epoch but
            # the first.
            0.1,
            lambda: callbacks.ReduceLROnPlateau(
                "loss", factor=0.5, patience=1, min_delta=1e3
            ),
            [0.1, 0.1, 0.05, 0.025],
        ),
        (
            # Half a cosine over four steps.
            optimizers.schedules.CosineDecay(0.1, 4),
            None,
            [0.1 * (1 + np.cos(np.pi * t / 4)) / 2 for t in range(4)],
        ),
    ],
    ids=["LearningRateScheduler", "ReduceLROnPlateau", "CosineDecay"],
)
def test_one_rate_rules_all_and_the_ratios_stay(
    samples, rate, callback, expected
):
    optimizer = kt.LayerwiseOptimizer(
        optimizers.Adam(rate, beta_1=0.0, beta_2=0.0, epsilon=1e-12), decay=0.5
    )
    model = compiled(transfer_model(), optimizer)
    moved = rates(model, samples, [callback()] if callback else [])
    factors = np.array([0.125, 0.25, 0.5, 1.0])
    for depth, rate, distances in zip(STAGES, expected, moved, strict=True):
        trains = np.arange(4) >= 3 - depth
        np.testing.assert_allclose(
            distances, rate * factors * trains, rtol=1e-3
        )
