"""The zoo's translator with attention, rebuilt from what Keras has."""

import keras

from zoo.models import Translator

CELLS = {
    "gru": (keras.layers.GRU, {"reset_after": False}),
    "lstm": (keras.layers.LSTM, {}),
}
ATTENTION = {
    "general": keras.layers.Attention,
    "additive": keras.layers.AdditiveAttention,
}


class KerasTranslator(keras.Model):
    """The same translator of `keras.layers`, with the same weights.

    It has the methods of `Translator` that a loop over its steps needs.

    Args:
        model: a translator with "general" or "additive" attention after the decoder's
            step, without input feeding, one layer deep, untied and without dropout.

    Call arguments:
        inputs: ids of x and of y<t-1>, int32 (batch, T_x) and (batch, T_y), 0 at the
            padding on the right.

    Returns:
        logits, (batch, T_y, V).
    """

    def __init__(self, model: Translator):
        super().__init__()
        layers, config = keras.layers, model.config
        units, additive = config["units"], config["attention"] == "additive"
        layer, options = CELLS[config["cell"]]
        options = {**options, "return_sequences": True, "return_state": True}
        self.source_embedding, self.target_embedding = (
            layers.Embedding(
                len(language.vocabulary), config["embedding_units"], mask_zero=True
            )
            for language in (model.source, model.target)
        )
        self.encoder = layers.Bidirectional(layer(units // 2, **options))
        self.bridge = [layers.Dense(units, "tanh") for _ in model.bridge.sizes]
        self.decoder = layer(units, **options)
        self.key = layers.Dense(units, use_bias=False)
        self.query = layers.Dense(units, use_bias=False) if additive else None
        self.attention = ATTENTION[config["attention"]]()
        self.attentional = layers.Dense(units, "tanh", use_bias=False)
        self.softmax = layers.Dense(len(model.target.vocabulary))
        self._build_as(model)

    def _build_as(self, model):
        """Makes the weights, those of another model."""
        two = keras.ops.ones((1, 2), "int32")
        self((two, two))
        attention = model.decoder.attention
        weights = {
            self.source_embedding: model.source_embedding.get_weights(),
            self.target_embedding: model.target_embedding.get_weights(),
            self.encoder: model.encoder.layers[0].get_weights(),
            self.decoder: model.decoder.layer.layers[0].get_weights(),
            self.key: [attention.key_kernel.numpy()],
            self.attentional: model.decoder.attentional.get_weights(),
            self.softmax: [
                model.output_embedding.embeddings.numpy().T,
                model.softmax.offsets().numpy(),
            ],
        }
        for own, dense in zip(self.bridge, model.bridge.to_states, strict=True):
            weights[own] = dense.get_weights()
        if self.query is not None:
            weights[self.query] = [attention.query_kernel.numpy()]
            weights[self.attention] = [attention.v.numpy()[0]]
        for layer, values in weights.items():
            layer.set_weights(values)

    def call(self, inputs):
        """Predicts each next token."""
        sources, ids = inputs
        memory, state = self.encode(sources)
        return self.run(ids, state, memory)[0]

    def encode(self, ids):
        """Reads sources: returns what is attended to, and the decoder's first state."""
        values, *states = self.encoder(self.source_embedding(ids))
        count = len(states) // 2  # of a direction
        c = keras.ops.concatenate([states[0], states[count]], axis=-1)
        memory = values, self.key(values), ids != 0
        return memory, [dense(c) for dense in self.bridge]

    def run(self, ids, state, memory):
        """Runs over y<t-1>, (batch, steps): returns logits, the new state and α."""
        values, keys, mask = memory
        a, *state = self.decoder(self.target_embedding(ids), initial_state=state)
        context, weights = self.attention(
            [a if self.query is None else self.query(a), values, keys],
            mask=[None, mask],
            return_attention_scores=True,
        )
        hidden = self.attentional(keras.ops.concatenate([context, a], axis=-1))
        return self.softmax(hidden), state, weights

    def step(self, ids, state, memory):
        """Takes one step, (batch,), as `Translator.step` does."""
        logits, state, weights = self.run(ids[:, None], state, memory)
        return logits[:, 0], state, weights[:, 0]
