"""Weights of which a model makes NaN."""

import numpy as np


def too_large(weight):
    """Returns finite numbers, or no preset has them, whose sums float32 can't hold."""
    signs = np.where(np.arange(weight.shape.num_elements()) % 3 == 1, -1, 1)
    return 3e38 * signs.reshape(weight.shape)


def spoil(model):
    """Gives a model, which is no other test's, weights of which it makes NaN."""
    for weight in model.trainable_weights:
        weight.assign(too_large(weight))
    return model
