"""Every use of a private Keras name, one small function each.

When Keras changes one of them, the probe test with the function's name fails
(`tests/test_keras_private.py`), and this is the only file to mend.
"""

import types
import weakref

import keras
from keras.src.models.functional import Functional
from keras.src.ops.node import Node


def leaf_layers(layer):
    """Returns every layer at or below `layer` but the models that only group.

    A composite layer (`MultiHeadAttention`) comes before its parts.
    Uses `Layer._flatten_layers` and `Layer._trainable_variables`.
    """
    return [
        each
        for each in layer._flatten_layers(include_self=True, recursive=True)
        if not isinstance(each, keras.Model) or each._trainable_variables
    ]


def nested_models(layer):
    """Returns `layer` and everything below it that is a `keras.Model`.

    Uses `Layer._flatten_layers`.
    """
    return [
        each
        for each in layer._flatten_layers(include_self=True, recursive=True)
        if isinstance(each, keras.Model)
    ]


def own_trainable_variables(layer):
    """Returns the variables that `layer.trainable = True` makes trainable.

    Uses `Layer._trainable_variables`, which holds them whatever the flag says.
    """
    return list(layer._trainable_variables)


def rebuild_train_function(model):
    """Makes the next training step see the present `trainable` flags.

    Works inside `fit` and between two `fit` calls; a model that has not been
    trained yet needs nothing. Uses `Model.make_train_function(force=True)`
    and `Model.train_function`.
    """
    if getattr(model, "train_function", None) is not None:
        model.make_train_function(force=True)


def sync_state(model):
    """Writes what a running JAX epoch holds back into the variables.

    A no-op on the other backends. Uses `Model.jax_state_sync`.
    """
    if keras.backend.backend() == "jax" and not model._jax_state_synced:
        model.jax_state_sync()
        # The next step then reads its state from the variables again.
        model._jax_state_synced = True


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


def functional_graph(model):
    """Returns the functional model that holds a model's graph, or `None`.

    That is the model itself, or what a built `Sequential` keeps inside.
    Uses the class `Functional` and `Sequential._functional`.
    """
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if isinstance(model, Functional) else None


def runs_its_graph(model):
    """Tells whether calling a functional model runs its graph and no more.

    Uses the methods `call` of `Functional` and `Sequential`.
    """
    return type(model).call in (Functional.call, keras.Sequential.call)


def graph_nodes(functional):
    """Returns the calls of a functional model's graph, inputs first.

    Uses `Function._nodes_by_depth` and `Node.is_input`.
    """
    by_depth = functional._nodes_by_depth
    return [
        node
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
        if not node.is_input
    ]


def node_call(node):
    """Returns `(operation, args, kwargs, outputs)` of one call in a graph.

    Uses `Node.operation`, `Node.arguments` and `Node.outputs`.
    """
    arguments = node.arguments
    return node.operation, arguments.args, arguments.kwargs, node.outputs


def record_call(operation, args, kwargs, outputs):
    """Records in the graph that `operation` made `outputs` of its arguments.

    Does no shape inference. Uses the class `Node`.
    """
    Node(operation, call_args=args, call_kwargs=kwargs, outputs=outputs)


def tensor_source(tensor):
    """Returns the operation that made a symbolic tensor.

    Uses `KerasTensor._keras_history`.
    """
    return tensor._keras_history.operation


def takes_training(operation):
    """Tells whether `operation` takes `training=` from the call around it.

    Uses `Layer._call_has_training_arg`.
    """
    return getattr(operation, "_call_has_training_arg", False)


def get_mask(tensor):
    """Returns the mask that travels with a tensor, or `None`.

    Uses the attribute `_keras_mask`.
    """
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor, mask):
    """Makes `mask` travel with a symbolic tensor.

    Uses the attribute `_keras_mask`.
    """
    tensor._keras_mask = mask
