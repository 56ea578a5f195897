"""Private names of the optimizers: how they take a step.

Each function here changes the methods of one optimizer, never of its class.
"""

import contextlib
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from keras_transfer._private.optimizers import built_on, wrapped_optimizers
from keras_transfer._private.types import Tensor


def apply_to_active_variables(
    optimizer: keras.optimizers.Optimizer, model: keras.Model
) -> None:
    """Lets `optimizer` train a changing part of what it was built on.

    On TensorFlow and torch `Optimizer.apply` takes any known subset. JAX goes
    through `stateless_apply`, which insists on all of them: there the instance
    gets one that maps only `model.trainable_variables`.
    Uses `Optimizer.stateless_apply`.
    """
    if keras.backend.backend() != "jax":
        return
    model_reference = weakref.ref(model)

    def stateless_apply(
        self: keras.optimizers.Optimizer,
        optimizer_variables: list[Tensor],
        grads: list[Tensor],
        trainable_variables: list[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        active = model_reference().trainable_variables
        mapping = [
            *zip(active, trainable_variables, strict=True),
            *zip(self.variables, optimizer_variables, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.apply(grads, active)
        return (
            [scope.get_current_value(v) for v in active],
            [scope.get_current_value(v) for v in self.variables],
        )

    for each in wrapped_optimizers(optimizer):
        # A loss scale's own one passes the work on to what it wraps.
        if not isinstance(each, keras.optimizers.LossScaleOptimizer):
            each.stateless_apply = types.MethodType(stateless_apply, each)
            return


def average_active_variables(
    optimizer: keras.optimizers.Optimizer, active: Iterable[keras.Variable]
) -> None:
    """Keeps the moving averages (`use_ema`) right while a part trains.

    Keras pairs averages and variables by position, over all that the optimizer
    was built on. Here the variables that train are paired with their own; the
    average of one that stands still is its value, so that is where it starts
    when it joins. Gradients that were accumulated for it are dropped.

    Args:
        optimizer: a built optimizer that wraps no other.
        active: the variables that train from now on.

    Uses `Optimizer._backend_apply_gradients`,
    `Optimizer._model_variables_moving_average`,
    `Optimizer._accumulated_gradients` and `Optimizer._get_variable_index`.
    """
    trains = {optimizer._get_variable_index(v) for v in active}
    for index, variable in enumerate(built_on(optimizer)):
        if index in trains:
            continue
        if optimizer.gradient_accumulation_steps:
            _zero(optimizer._accumulated_gradients[index])
        if optimizer.use_ema:
            average = optimizer._model_variables_moving_average[index]
            average.assign(keras.ops.copy(variable))
    if optimizer.use_ema:
        for name in ("_backend_apply_gradients", "finalize_variable_values"):
            _narrow(optimizer, name)


def _zero(variable: keras.Variable | None) -> None:
    if variable is not None:
        variable.assign(keras.ops.zeros(variable.shape, variable.dtype))


def _narrow(optimizer: keras.optimizers.Optimizer, name: str) -> None:
    """Lets a method see only the variables (its last argument) it is about."""

    def narrowed(self: keras.optimizers.Optimizer, *args: Any) -> None:
        if name == "finalize_variable_values" and vars(self).get("_goes_on"):
            return None
        kept = _enter(self)
        where = [self._get_variable_index(v) for v in args[-1]]
        # Past __setattr__, which would track the lists.
        vars(self).update(
            {key: [value[i] for i in where] for key, value in kept.items()}
        )
        try:
            getattr(type(self), name)(self, *args)
            if name == "finalize_variable_values":
                # Weights and averages share buffers now, and JAX refuses to
                # train on those.
                for average in self._model_variables_moving_average:
                    average.assign(keras.ops.copy(average))
        finally:
            _leave(self, kept)

    setattr(optimizer, name, types.MethodType(narrowed, optimizer))


def _enter(optimizer: keras.optimizers.Optimizer) -> dict[str, list]:
    """Returns the whole lists that the steps under way see parts of.

    Under `tf.distribute` the replicas are in one step together: the first to
    come finds the whole lists, and the last to leave puts them back.
    """
    names = ("_trainable_variables", "_model_variables_moving_average")
    state = vars(optimizer)
    if not state.get("_steps_under_way"):
        state["_whole_lists"] = {name: state[name] for name in names}
    state["_steps_under_way"] = state.get("_steps_under_way", 0) + 1
    return state["_whole_lists"]


def _leave(
    optimizer: keras.optimizers.Optimizer, whole: dict[str, list]
) -> None:
    state = vars(optimizer)
    state["_steps_under_way"] -= 1
    if not state["_steps_under_way"]:
        state.update(whole)
        del state["_whole_lists"]


def scale_updates(
    optimizer: keras.optimizers.Optimizer,
    rates: Callable[[Tensor], list[Tensor]],
    groups: Callable[[list[int], Tensor], Iterable[tuple[list[int], Tensor]]],
) -> None:
    """Makes an optimizer update each variable at a rate of its own.

    Clipping, accumulation, averaging and the step counter stay what they are:
    only the rate that an update takes is another one.

    Args:
        optimizer: an optimizer that wraps no other.
        rates: `rates(learning_rate)` gives a list of rates, one for each
            variable that the optimizer was built on.
        groups: `groups(indices, learning_rate)` gives pairs `(indices, rate)`
            of variables that share a rate. Used where the backend updates
            many variables in one call.

    Uses `Optimizer._backend_update_step`, `Optimizer.update_step`,
    `Optimizer._get_variable_index`, and on torch
    `TorchParallelOptimizer._parallel_update_step` and `Nadam._u_product`.
    """

    def _backend_update_step(
        self: keras.optimizers.Optimizer,
        grads: list[Tensor],
        variables: list[keras.Variable],
        learning_rate: Tensor,
    ) -> None:
        vars(self)["_rate_of_each"] = rates(learning_rate)
        type(self)._backend_update_step(self, grads, variables, learning_rate)
        vars(self)["_rate_of_each"] = None

    def update_step(
        self: keras.optimizers.Optimizer,
        gradient: Tensor,
        variable: keras.Variable,
        learning_rate: Tensor,
    ) -> None:
        rate = self._rate_of_each[self._get_variable_index(variable)]
        type(self).update_step(self, gradient, variable, rate)

    def _parallel_update_step(
        self: keras.optimizers.Optimizer,
        grads: list[Tensor],
        variables: list[keras.Variable],
        learning_rate: Tensor,
    ) -> None:
        place = {
            self._get_variable_index(v): i for i, v in enumerate(variables)
        }
        shared = getattr(self, "_u_product", None)
        before = None if shared is None else keras.ops.copy(shared)
        for indices, rate in groups(list(place), learning_rate):
            if shared is not None:
                shared.assign(before)
            where = [place[index] for index in indices]
            type(self)._parallel_update_step(
                self,
                [grads[i] for i in where],
                [variables[i] for i in where],
                rate,
            )

    if hasattr(optimizer, "_parallel_update_step"):
        methods = [_parallel_update_step]
    else:
        methods = [_backend_update_step, update_step]
    for method in methods:
        setattr(optimizer, method.__name__, types.MethodType(method, optimizer))


def scale_weight_decay(
    optimizer: keras.optimizers.Optimizer,
    groups: Callable[
        [list[keras.Variable]], Iterable[tuple[Tensor, list[keras.Variable]]]
    ],
) -> None:
    """Makes decoupled weight decay follow the rate of each variable.

    Args:
        optimizer: an optimizer that wraps no other.
        groups: `groups(variables)` gives pairs `(factor, variables)` of those
            that share a factor; what is in none of them does not decay.

    Uses `Optimizer._apply_weight_decay`, `Optimizer._use_weight_decay` and
    `Optimizer._get_current_learning_rate`.
    """

    def _apply_weight_decay(
        self: keras.optimizers.Optimizer, variables: list[keras.Variable]
    ) -> None:
        decaying = [v for v in variables if self._use_weight_decay(v)]
        for factor, group in groups(decaying):

            def current_rate(factor: Tensor = factor) -> Tensor:
                return type(self)._get_current_learning_rate(self) * factor

            vars(self)["_get_current_learning_rate"] = current_rate
            try:
                type(self)._apply_weight_decay(self, group)
            finally:
                # Under tf.distribute every replica comes here for itself.
                vars(self).pop("_get_current_learning_rate", None)

    optimizer._apply_weight_decay = types.MethodType(
        _apply_weight_decay, optimizer
    )


@contextlib.contextmanager
def not_finalizing(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Lets a `fit` end without the averages being put into the weights.

    For a training that goes on in another `fit`, of an optimizer that
    `average_active_variables` has seen.
    """
    vars(optimizer)["_goes_on"] = True
    try:
        yield
    finally:
        vars(optimizer)["_goes_on"] = False
