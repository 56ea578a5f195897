"""Every use of a private name of Keras, TensorFlow or KerasTuner.

Each is one small function; when its library changes, the probe test with its
name fails (`tests/private/`), and this folder is the only place to mend.
`_private.keras_tuner` is imported by those who need KerasTuner anyway.
`_private.types` is of another kind: names for types that have none.
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
    infer_while_frozen,
    leaf_layers,
    nested_models,
    own_trainable_variables,
    runs_in_inference,
    seed_states,
)
from keras_transfer._private.optimizer_steps import (
    apply_to_active_variables,
    average_active_variables,
    not_finalizing,
    scale_updates,
    scale_weight_decay,
)
from keras_transfer._private.optimizers import (
    ShowsInnerAverages,
    built_on,
    is_muon_matrix,
    knows_variables,
    made_again,
    optimizer_over,
    variable_index,
    was_made_in,
    wrapped_optimizers,
)
from keras_transfer._private.progress_bar import WholeNumber
from keras_transfer._private.saving import copy_state, layer_classes
from keras_transfer._private.tensorflow import (
    forget_step_gradients,
    groups_of_devices,
    mirrored_strategy,
    pipeline_inputs,
    step_gradients,
    trace_quietly,
)
from keras_transfer._private.training import (
    BuildsByOneReplica,
    additional_loss,
    compiled_loss,
    compiled_metrics,
    forget_functions,
    forget_validation,
    global_seed_state,
    has_strategy,
    losses_of_call,
    rebuild_train_function,
    sync_state,
    unscaled_loss,
    validates_fit,
)
