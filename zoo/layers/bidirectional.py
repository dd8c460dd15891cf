"""Both directions over a sequence."""

import keras

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
