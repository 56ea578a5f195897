"""Compiling a model for the fine-tuning that a plan describes."""

import keras

from keras_transfer.recipes.plan import Plan
from keras_transfer.recipes.training import compile_like
from keras_transfer.training.freezing import set_trainable_depth
from keras_transfer.training.layerwise_optimizer import LayerwiseOptimizer
from keras_transfer.training.regularizers import L2SP

_optimizers, _schedules = keras.optimizers, keras.optimizers.schedules
# From a rate and the weight decay, which is AdamW's alone.
OPTIMIZERS = {
    "adam": lambda rate, decay: _optimizers.Adam(rate),
    "adamw": lambda rate, decay: _optimizers.AdamW(rate, weight_decay=decay),
    "sgd": lambda rate, decay: _optimizers.SGD(
        rate, momentum=0.9, nesterov=True
    ),
}


def rising_and_falling(
    peak: float, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A rate that rises over a tenth of the steps and falls along a cosine.

    Args:
        peak: the highest rate.
        steps: steps of the whole training.
    """
    warm_up = max(1, steps // 10)
    return _schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=peak,
        warmup_steps=warm_up,
    )  # fmt: skip


def falling_to_zero(
    peak: float, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A rate that falls linearly, from the first step to 0 after the last."""
    return _schedules.PolynomialDecay(peak, steps, end_learning_rate=0.0)


# From the peak rate and the number of steps.
SCHEDULES = {
    "cosine": rising_and_falling,
    "linear": falling_to_zero,
    "constant": lambda peak, steps: peak,
}


def compile_to_tune(
    model: keras.Model,
    plan: Plan,
    num_steps: int,
    *,
    rate: float | None = None,
) -> None:
    """Sets which blocks train, and compiles the model for so many steps.

    Loss and metrics stay; the optimizer is a new one.

    Args:
        model: a compiled `TransferModel`.
        plan: the `Plan`.
        num_steps: steps of the whole training.
        rate: peak learning rate, the plan's if `None`.
    """
    set_trainable_depth(model, plan.blocks)
    peak = plan.rate if rate is None else rate
    optimizer = OPTIMIZERS[plan.optimizer](
        SCHEDULES[plan.schedule](peak, num_steps), plan.weight_decay
    )
    if plan.layer_decay < 1:
        optimizer = LayerwiseOptimizer(optimizer, decay=plan.layer_decay)
    more = {"regularizer": L2SP(plan.l2sp, 0.0)} if plan.l2sp else {}
    compile_like(model, model, optimizer, **more)
