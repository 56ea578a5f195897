"""Private names of the optimizers."""

import types
import weakref

import keras


def knows_variables(optimizer, variables):
    """Tells whether a built optimizer has slots for all of `variables`.

    Uses `Optimizer._trainable_variables`.
    """
    known = {id(variable) for variable in optimizer._trainable_variables}
    return all(id(variable) in known for variable in variables)


def optimizer_over(old, variables):
    """Returns an optimizer like `old`, built over `variables`, state kept.

    Uses `Optimizer._trainable_variables`, `Optimizer._get_variable_index` and
    the layout of slots as lists parallel to the trainable variables.
    """
    fresh = type(old).from_config(old.get_config())
    fresh.build(variables)
    _copy_optimizer_state(old, fresh)
    return fresh


def _copy_optimizer_state(old, fresh):
    known = old._trainable_variables
    for name, value in vars(old).items():
        if isinstance(value, keras.Variable):
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


def _is_slot_list(name, value, known):
    return (
        isinstance(value, list)
        and name not in ("_variables", "_trainable_variables")
        and len(value) == len(known) > 0
        and all(x is None or isinstance(x, keras.Variable) for x in value)
    )


def apply_to_active_variables(optimizer, model):
    """Lets `optimizer` train a changing part of what it was built on.

    On TensorFlow and torch `Optimizer.apply` takes any known subset. JAX goes
    through `stateless_apply`, which insists on all of them: there the instance
    gets one that maps only `model.trainable_variables`.
    Uses `Optimizer.stateless_apply` and `LossScaleOptimizer.inner_optimizer`.
    """
    if keras.backend.backend() != "jax":
        return
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        apply_to_active_variables(inner, model)
        return
    model_reference = weakref.ref(model)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
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

    optimizer.stateless_apply = types.MethodType(stateless_apply, optimizer)
