"""Private names of the optimizers: what they are built on, and their state."""

from collections.abc import Callable, Iterable

import keras

from keras_transfer._private.types import NativeStrategy


def built_on(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns the variables that an optimizer is built on, in its order.

    Uses `Optimizer._trainable_variables`.
    """
    return optimizer._trainable_variables


def knows_variables(
    optimizer: keras.optimizers.Optimizer, variables: Iterable[keras.Variable]
) -> bool:
    """Tells whether a built optimizer has slots for all of `variables`."""
    known = {id(variable) for variable in built_on(optimizer)}
    return all(id(variable) in known for variable in variables)


def optimizer_over(
    old: keras.optimizers.Optimizer,
    variables: list[keras.Variable],
    prepare: Callable[[keras.optimizers.Optimizer], None] | None = None,
) -> keras.optimizers.Optimizer:
    """Returns an optimizer like `old`, built over `variables`, state kept.

    Args:
        old: a built optimizer.
        variables: what the new one is built over.
        prepare: called with the new optimizer before it is built.

    Uses `Optimizer._trainable_variables`, `Optimizer._get_variable_index` and
    the layout of slots as lists parallel to the trainable variables.
    """
    fresh = type(old).from_config(old.get_config())
    if prepare is not None:
        prepare(fresh)
    fresh.build(variables)
    _copy_optimizer_state(old, fresh)
    return fresh


def was_made_in(
    strategy: NativeStrategy, optimizer: keras.optimizers.Optimizer
) -> bool:
    """Whether an optimizer was made in the scope of a `tf.distribute` strategy.

    Uses `Optimizer._distribution_strategy`.
    """
    return getattr(optimizer, "_distribution_strategy", None) is strategy


def made_again(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Returns an optimizer that has not trained yet as a new one.

    Uses `Optimizer._exclude_from_weight_decay...`.
    """
    fresh = type(optimizer).from_config(optimizer.get_config())
    both = wrapped_optimizers(optimizer), wrapped_optimizers(fresh)
    for old, new in zip(*both, strict=True):
        for name, value in vars(old).items():
            if name.startswith("_exclude_from_weight_decay"):
                setattr(new, name, value)
    return fresh


def _copy_optimizer_state(
    old: keras.optimizers.Optimizer, fresh: keras.optimizers.Optimizer
) -> None:
    known = built_on(old)
    for name, value in vars(old).items():
        if isinstance(value, keras.Variable):
            # One value a variable (LayerwiseOptimizer) is another length now,
            # and nothing but zeros while the optimizer does not know its model.
            if value.shape == getattr(fresh, name).shape:
                getattr(fresh, name).assign(value)
        elif isinstance(value, keras.optimizers.Optimizer):
            _copy_optimizer_state(value, getattr(fresh, name))
        elif name.startswith("_exclude_from_weight_decay"):
            setattr(fresh, name, value)
        elif _is_slot_list(name, value, known):
            slots = getattr(fresh, name)
            for variable, slot in zip(known, value, strict=True):
                if slot is not None:
                    slots[fresh._get_variable_index(variable)].assign(slot)


def _is_slot_list(
    name: str, value: object, known: list[keras.Variable]
) -> bool:
    return (
        isinstance(value, list)
        and name not in ("_variables", "_trainable_variables")
        and len(value) == len(known) > 0
        and all(x is None or isinstance(x, keras.Variable) for x in value)
    )


def wrapped_optimizers(
    optimizer: keras.optimizers.Optimizer,
) -> list[keras.optimizers.Optimizer]:
    """Returns an optimizer and what it wraps, outermost first.

    Uses `LossScaleOptimizer.inner_optimizer`.
    """
    found = [optimizer]
    while getattr(found[-1], "inner_optimizer", None) is not None:
        found.append(found[-1].inner_optimizer)
    return found


def variable_index(
    optimizer: keras.optimizers.Optimizer, variable: keras.Variable
) -> int:
    """Returns the number of a variable among those an optimizer is built on.

    Uses `Optimizer._get_variable_index`.
    """
    return optimizer._get_variable_index(variable)


def is_muon_matrix(
    optimizer: keras.optimizers.Optimizer, variable: keras.Variable
) -> bool:
    """Tells whether Muon orthogonalises the update of a variable.

    The others get Adam's. Uses `Muon._should_use_adamw`.
    """
    return isinstance(
        optimizer, keras.optimizers.Muon
    ) and not optimizer._should_use_adamw(variable)


class ShowsInnerAverages:
    """Mixin of an optimizer around another: its averages are the inner one's.

    `SwapEMAWeights` looks for them here where a loss scale lies around.
    Uses `Optimizer._model_variables_moving_average`.
    """

    @property
    def _model_variables_moving_average(self) -> list[keras.Variable]:
        inner = self.inner_optimizer  # type: ignore[attr-defined]
        return inner._model_variables_moving_average
