"""A schedule inside one `fit`, beside every other option of Keras."""

import numpy as np
import pytest
from cases import some_slow
from doubles import vectors
from keras import callbacks, optimizers
from scheduled_training import (
    BACKEND,
    NUM_SAMPLES,
    OPTIMIZERS,
    STAGES,
    SWAPS_A_PART,
    SWAPS_THE_WRONG_ONES,
    Watch,
    compiled,
    fit,
    inner,
    scheduler,
    transfer_model,
)
from small_nets import values

import keras_transfer as kt

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

ABOUT_GRAPHS = ("several steps at once", "machine code where it is not usual")


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


def trained(model, case):
    watch = Watch()
    others = case.get("callbacks", list)()
    validation = vectors(NUM_SAMPLES) if case.get("validates") else None
    history = fit(
        model,
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
@pytest.mark.parametrize(
    "name", some_slow(CASES, quick=CASES, graphs=ABOUT_GRAPHS)
)
def test_a_schedule_beside(name, optimizer):
    reason = why_not(name)
    if reason:
        pytest.skip(reason)
    case = CASES[name]
    rate = case.get("rate", lambda: 0.01)()
    options = case.get("optimizer", {})
    model = compiled(
        transfer_model(case.get("policy", "float32")),
        OPTIMIZERS[optimizer](rate, **options),
        **case.get("compile", {}),
    )
    clock = model.optimizer
    history, watch = trained(model, case)

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


def assert_averages_are_in_the_model(model):
    optimizer = inner(model)
    for variable, average in zip(
        optimizer._trainable_variables,
        optimizer._model_variables_moving_average,
        strict=True,
    ):
        np.testing.assert_array_equal(*values([variable, average]))
