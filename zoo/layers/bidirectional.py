"""Both directions over a sequence."""

import keras

from zoo.cells.gated import require_gates
from zoo.layers.recurrent import with_mask


@keras.saving.register_keras_serializable(package="zoo")
class Bidirectional(keras.layers.Bidirectional):
    """Runs a recurrent layer over a sequence in both directions.

    ```
    h<t> = [a→<t>, a←<t>]        (Schuster & Paliwal 1997)
    ```

    The backward direction starts at each row's *last valid* step, whatever the
    padding; where sequences are returned, masked steps hold zeros.

    Takes the arguments of `keras.layers.Bidirectional` (`layer`, `merge_mode`,
    `backward_layer`) and replaces it.
    """

    def __init__(self, layer, *args, **kwargs):
        super().__init__(layer, *args, **kwargs)
        self.supports_masking = True

    def __call__(self, sequences, *args, **kwargs):
        """Runs over `sequences`, under the mask that they carry."""
        return super().__call__(sequences, *args, **with_mask(sequences, args, kwargs))

    def gates(self, sequences, mask=None, initial_state=None):
        """Returns the gates of both directions at every step: see `RNN.gates`.

        Args:
            sequences: (batch, steps, n_x), a floating dtype.
            mask: (batch, steps), bool, true where a step is valid; that which
                `sequences` carry by default.
            initial_state: the forward direction's states, then the backward one's.

        Returns:
            A dict with the keys `forward` and `backward`, each the gates that its
            layer returns. Steps are in the order of `sequences` in both.

        Raises:
            ValueError: a direction has no gates.
        """
        if not self.built:
            self.build(sequences.shape)
        half = len(initial_state) // 2 if initial_state is not None else None
        states = (None, None)
        if half is not None:
            states = initial_state[:half], initial_state[half:]
        directions = {"forward": self.forward_layer, "backward": self.backward_layer}
        for layer in directions.values():
            if not hasattr(layer, "gates"):
                require_gates(getattr(layer, "cell", layer), layer.name)
        return {
            name: layer.gates(sequences, mask=mask, initial_state=state)
            for (name, layer), state in zip(directions.items(), states, strict=True)
        }

    def compute_mask(self, sequences, mask=None):
        """Returns the outputs' masks; states have none.

        Keras' own raises on a stateful layer that returns its states.
        """
        if isinstance(mask, list | tuple):
            mask = mask[0]
        output_mask = mask if self.return_sequences else None
        masks = (output_mask,) if self.merge_mode else (output_mask, output_mask)
        if self.return_state:
            states = len(self.forward_layer.state_size)
            return [*masks, *[None] * 2 * states]
        return masks if self.merge_mode is None else output_mask
