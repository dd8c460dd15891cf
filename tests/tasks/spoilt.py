"""Weights of which a model makes NaN."""

import numpy as np


def too_large(weight):
    """Returns finite numbers, or no preset has them, whose sums float32 can't hold."""
    signs = np.where(np.arange(weight.shape.num_elements()) % 3 == 1, -1, 1)
    return 3e38 * signs.reshape(weight.shape)
