"""Every use of a private Keras name, one small function each.

When Keras changes one of them, the probe test with the function's name fails
(`tests/private/test_probes.py`), and this folder is the only place to mend.
"""

from keras_transfer._private.callbacks import (
    BATCHES_SINCE_SAVED,
    SWAPPED,
    epoch_to_start_at,
    is_higher_better,
    start_at_epoch,
)
from keras_transfer._private.graphs import (
    functional_graph,
    get_mask,
    graph_nodes,
    node_call,
    record_call,
    runs_its_graph,
    set_mask,
    takes_training,
    tensor_source,
)
from keras_transfer._private.layers import (
    draws_random_numbers,
    leaf_layers,
    nested_models,
    own_trainable_variables,
    seed_states,
)
from keras_transfer._private.optimizers import (
    apply_to_active_variables,
    average_active_variables,
    is_muon_matrix,
    knows_variables,
    made_again,
    not_finalizing,
    optimizer_over,
    scale_updates,
    scale_weight_decay,
    variable_index,
    was_made_in,
    wrapped_optimizers,
)
from keras_transfer._private.training import (
    additional_loss,
    compiled_loss,
    compiled_metrics,
    forget_functions,
    global_seed_state,
    losses_of_call,
    rebuild_train_function,
    sync_state,
    unscaled_loss,
)

__all__ = [
    "BATCHES_SINCE_SAVED",
    "SWAPPED",
    "additional_loss",
    "apply_to_active_variables",
    "average_active_variables",
    "compiled_loss",
    "compiled_metrics",
    "draws_random_numbers",
    "epoch_to_start_at",
    "forget_functions",
    "functional_graph",
    "get_mask",
    "global_seed_state",
    "graph_nodes",
    "is_higher_better",
    "is_muon_matrix",
    "knows_variables",
    "leaf_layers",
    "losses_of_call",
    "made_again",
    "nested_models",
    "node_call",
    "not_finalizing",
    "optimizer_over",
    "own_trainable_variables",
    "rebuild_train_function",
    "record_call",
    "runs_its_graph",
    "scale_updates",
    "scale_weight_decay",
    "seed_states",
    "set_mask",
    "start_at_epoch",
    "sync_state",
    "takes_training",
    "tensor_source",
    "unscaled_loss",
    "variable_index",
    "was_made_in",
    "wrapped_optimizers",
]
