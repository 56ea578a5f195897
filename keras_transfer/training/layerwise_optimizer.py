"""Layer-wise learning rates around any Keras optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np
from keras import ops

from keras_transfer import _private
from keras_transfer._private.types import Tensor
from keras_transfer.storage.printing import brief
from keras_transfer.training import bias_correction, block_factors
from keras_transfer.training.block_factors import Multipliers
from keras_transfer.training.variable_rates import VariableRates

if TYPE_CHECKING:
    from keras_transfer.graph.block import Block


@keras.saving.register_keras_serializable(package="keras_transfer")
class LayerwiseOptimizer(
    _private.ShowsInnerAverages, keras.optimizers.Optimizer
):
    """A learning rate for each block, around any Keras optimizer.

    Use it to fine-tune: early blocks, whose features are general, move less
    than late ones. There is one clock and one `learning_rate`, that of the
    inner optimizer, so schedules and callbacks keep the ratios; the rate of a
    block is `learning_rate * factor`, and decoupled weight decay follows it.
    With `decay`, the block that is `k` below the head has

        factor = decay ** k        (k = 1 for the last block, 0 for the head)

    Late joiners: optimizers with a bias correction (Adam) share one step
    counter `t` between all variables. A variable that joins at `t = 1000` has
    empty slots but no correction, so its first steps are 2.5 to 5 times the
    rate. Here each variable acts as if it had a counter of its own that pauses
    while it is frozen: the rate is multiplied by `c(age) / c(t)`, with

        c(t) = sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)        (Adam, AdamW)

    which is exact for Adam, AdamW and Adamax, and near for Nadam. A variable
    that is frozen and joins again keeps its slots and its age. Adafactor and
    ScheduleFreeAdamW average in ways that no rate can correct: late joiners
    are left as they are there. The others need no correction.

    The blocks come from the model: a `TransferModel` says what they are when
    it is compiled; on a plain `keras.Model` call `set_trainable_depth` (or
    use `FreezingScheduler`) after compiling.

    Args:
        optimizer: the inner optimizer, or its name. Options such as clipping,
            `use_ema` and gradient accumulation are its own.
        decay: factor from one block to the one below it, above 0.
        multipliers: factors instead of `decay`: a list with one for each
            block from input to output (the head has 1), or pairs
            `(regex, factor)` of which the first that is found in the block's
            name counts. The head is called `"head"`; 1 where none is found.
        correct_late_joiners: whether variables have their own step counter.
        weight_decay_on: `"all"`, or `"kernels"` to leave biases and
            normalisation parameters (fewer than two axes, or named bias,
            gamma or beta) out of weight decay.
        name: name of the optimizer.

    Raises:
        ValueError: arguments that do not fit each other, here or when the
            blocks are known.

    Example:

    ```python
    optimizer = LayerwiseOptimizer(keras.optimizers.AdamW(1e-3), decay=0.8)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    ```

    Reference:
        Howard and Ruder 2018, Universal Language Model Fine-tuning for Text
        Classification (discriminative rates, decay 1 / 2.6); Bao et al. 2021,
        BEiT (layer-wise decay). timm's `layer_decay` gives the last block the
        head's factor less one power, as here.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        decay: float | None = None,
        multipliers: Multipliers | None = None,
        correct_late_joiners: bool = True,
        *,
        weight_decay_on: str = "all",
        name: str | None = None,
    ):
        super().__init__(learning_rate=0.0, name=name)
        optimizer = keras.optimizers.get(optimizer)
        _check_arguments(optimizer, weight_decay_on)
        block_factors.check_decay(decay, multipliers)
        self.inner_optimizer = optimizer
        self.decay = decay
        self.multipliers = block_factors.as_config(multipliers)
        self.correct_late_joiners = bool(correct_late_joiners)
        self.weight_decay_on = weight_decay_on
        self._factor_of: dict[int, float] | None = None

    def __repr__(self) -> str:
        inner = type(self.inner_optimizer).__name__
        decay = "" if self.decay is None else f"decay {self.decay:g}"
        own = "" if self.multipliers is None else "multipliers"
        return brief(self, f"around {inner}", decay, own)

    @property
    def _knows_blocks(self) -> bool:
        """Whether a model has said which variable is in which block."""
        return self._factor_of is not None

    def _know_blocks(
        self,
        blocks: list[Block],
        head: list[keras.layers.Layer],
        variables: list[keras.Variable],
    ) -> None:
        """Learns from a model which variable has which factor.

        `freezing` calls it before the optimizer is built.

        Args:
            blocks: the model's blocks, from input to output.
            head: the layers of the head.
            variables: what the optimizer is going to be built on.

        Raises:
            ValueError: the multipliers do not fit the blocks.
        """
        names = [block.name for block in blocks]
        factors = block_factors.of_blocks(names, self.decay, self.multipliers)
        # What belongs to no block lies before the first one.
        lowest = factors[0] if self.decay else 1.0
        factor_of = {id(v): lowest for v in variables}
        groups = [*(block.layers for block in blocks), head]
        for factor, layers in zip(factors, groups, strict=True):
            for layer in layers:
                factor_of.update({id(v): factor for v in layer.variables})
        # Past __setattr__: TensorFlow would track and copy the dict.
        vars(self)["_factor_of"] = factor_of  # type: ignore[index]

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        shape = (len(variables),)
        # Steps that a variable has missed, and when it was paused (-1: not).
        self._missed = self.add_variable(shape, dtype="int32", name="missed")
        not_paused = keras.initializers.Constant(-1)
        self._paused_at = self.add_variable(
            shape, not_paused, "int32", name="paused_at"
        )
        self._build_inner(variables)
        super().build(variables)
        if self._knows_blocks:
            self._hook_into_inner(variables)

    def _build_inner(self, variables: list[keras.Variable]) -> None:
        inner = self.inner_optimizer
        if inner.built and not _private.knows_variables(inner, variables):
            raise ValueError(
                f"The optimizer inside LayerwiseOptimizer has trained another "
                f"model. Received: {type(inner).__name__} '{inner.name}', "
                f"built on {len(_private.built_on(inner))} variables. "
                "Expected a new one: keras.optimizers."
                f"{type(inner).__name__}(...)."
            )
        inner.build(variables)

    def _hook_into_inner(self, variables: list[keras.Variable]) -> None:
        inner = self.inner_optimizer
        corrects = self.correct_late_joiners
        correction = bias_correction.of(inner) if corrects else None
        corrected = np.array(
            [not _private.is_muon_matrix(inner, v) for v in variables]
        )
        factors = [self._factor_of[id(v)] for v in variables]  # type: ignore[index]
        rates = VariableRates(
            self, self._missed, factors, correction, corrected
        )
        vars(self)["_rates"] = rates  # type: ignore[index]
        if correction is not None or set(factors) != {1.0}:
            _private.scale_updates(inner, rates.of_all, rates.of_groups)
        if self.weight_decay_on == "kernels" or set(factors) != {1.0}:
            _private.scale_weight_decay(inner, self._decay_groups)

    def _decay_groups(
        self, variables: list[keras.Variable]
    ) -> Iterable[tuple[Tensor, list[keras.Variable]]]:
        groups = {}
        for variable in variables:
            index = _private.variable_index(self, variable)
            own = _private.built_on(self)[index]
            if self.weight_decay_on == "all" or _is_kernel(own):
                factor = self._rates.factors[index]
                groups.setdefault(factor, []).append(variable)
        return groups.items()

    def _follow(self, variables: list[keras.Variable]) -> None:
        """Notes which variables train from now on, for their step counters.

        `freezing` calls it whenever that changes.
        """
        active = np.zeros(len(_private.built_on(self)), bool)
        for variable in variables:
            active[_private.variable_index(self, variable)] = True
        now = int(ops.convert_to_numpy(self.iterations))
        missed = ops.convert_to_numpy(self._missed).copy()
        paused_at = ops.convert_to_numpy(self._paused_at)
        joins = active & (paused_at >= 0)
        missed[joins] += now - paused_at[joins]
        still = np.where(paused_at >= 0, paused_at, now)
        self._missed.assign(missed)
        self._paused_at.assign(np.where(active, -1, still).astype("int32"))
        self._rates.forget_groups()

    def load_own_variables(self, store: Mapping) -> None:
        super().load_own_variables(store)
        if self.built and self._knows_blocks:
            self._rates.forget_groups()

    @property
    def variables(self) -> list[keras.Variable]:
        return super().variables + self.inner_optimizer.variables

    def apply(
        self,
        grads: list[Tensor],
        trainable_variables: list[keras.Variable] | None = None,
    ) -> None:
        if not self._knows_blocks:
            raise ValueError(
                "LayerwiseOptimizer does not know the blocks of the model that "
                "it trains. Expected a TransferModel, which tells it when it "
                "is compiled. For a plain keras.Model call "
                "kt.set_trainable_depth(model, depth) after compile, or pass "
                "a FreezingScheduler to fit."
            )
        self.inner_optimizer.apply(grads, trainable_variables)

    def scale_loss(self, loss: Tensor) -> Tensor:
        return self.inner_optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    @property
    def iterations(self) -> Tensor | keras.Variable:
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Tensor:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float) -> Tensor:
        self.inner_optimizer.learning_rate = learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "optimizer": keras.optimizers.serialize(self.inner_optimizer),
            "decay": self.decay,
            "multipliers": self.multipliers,
            "correct_late_joiners": self.correct_late_joiners,
            "weight_decay_on": self.weight_decay_on,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Self:
        inner = keras.optimizers.deserialize(
            config["optimizer"], custom_objects=custom_objects
        )
        return cls(**config | {"optimizer": inner})


def _check_arguments(
    optimizer: keras.optimizers.Optimizer, weight_decay_on: str
) -> None:
    scaled = keras.optimizers.LossScaleOptimizer
    if isinstance(optimizer, scaled | LayerwiseOptimizer | _multi_optimizer()):
        raise ValueError(
            "LayerwiseOptimizer goes around an optimizer that wraps no other. "
            f"Received: {type(optimizer).__name__}. Expected for example "
            "keras.optimizers.AdamW(1e-3). Loss scaling goes outside: "
            "LossScaleOptimizer(LayerwiseOptimizer(...)), which compile does "
            "by itself for a mixed_float16 model."
        )
    if weight_decay_on not in ("all", "kernels"):
        raise ValueError(
            "`weight_decay_on` says which variables decay. Received: "
            f"{weight_decay_on!r}. Expected 'all' or 'kernels'."
        )


def _multi_optimizer() -> type:
    # Keras before 3.15 has none.
    return getattr(keras.optimizers, "MultiOptimizer", LayerwiseOptimizer)


def _is_kernel(variable: keras.Variable) -> bool:
    is_vector = variable.name in ("bias", "gamma", "beta")
    return len(variable.shape) >= 2 and not is_vector
