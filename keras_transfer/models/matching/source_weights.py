"""The weights of a source: part of its matcher, and never trained."""

from collections.abc import Mapping, MutableMapping

import keras


class SourceWeights:
    """Mixin of a model with a `source` and `parts`: weights beside its own.

    Keras knows nothing of them, so that none of them trains.
    """

    @property
    def _source_variables(self) -> list[keras.Variable]:
        """The weights of the source, and the scale of its features.

        None of them ever trains here.
        """
        scales = [s for s in self._parts.scales if s is not None]
        own = [variable for scale in scales for variable in scale.variables]
        return [*self.source.variables, *own]

    @property
    def variables(self) -> list[keras.Variable]:
        own = super().variables
        known = {id(v) for v in own}
        return [
            *own,
            *(v for v in self._source_variables if id(v) not in known),
        ]

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        return [v for v in super().variables if v.trainable]

    @property
    def non_trainable_variables(self) -> list[keras.Variable]:
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trainable]

    def save_own_variables(self, store: MutableMapping) -> None:
        super().save_own_variables(store)
        for index, variable in enumerate(self._source_variables):
            store[f"source_{index}"] = variable

    def load_own_variables(self, store: Mapping) -> None:
        names = set(store.keys())
        kept = {name for name in names if name.startswith("source_")}
        super().load_own_variables({k: store[k] for k in names - kept})
        for index, variable in enumerate(self._source_variables):
            variable.assign(store[f"source_{index}"])
