"""What ranks hypotheses in a beam search (Wu et al. 2016, §7).

```
score = log P(y|x) / ((5 + |y|) / 6)^α + β Σ_s log min(Σ_t α<t,s>, 1)
```

Each weight is a number or a tensor, of shape () or one that fits, as (batch, 1).
"""

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.typing import Tensor


def length_divisor(lengths: Tensor, alpha: float) -> Any:
    """Returns ((5 + |y|) / 6)^α, float32.

    Args:
        lengths: |y|, int, any shape.
        alpha: α. At 0 lengths don't count; 0.6 to 1 is usual, and favours long ones.
    """
    return ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** tf.cast(alpha, tf.float32)


def coverage_term(coverage: Tensor, beta: float, mask: Tensor | None = None) -> Any:
    """Returns β Σ_s log min(Σ_t α<t,s>, 1), which is 0 at most.

    Args:
        coverage: Σ_t α<t,s>, float32 (batch, beams, source).
        beta: β ≥ 0. At 0 coverage doesn't count; the paper's is 0.2.
        mask: bool (batch, source), true where s is no padding; None where none is.

    Returns:
        float32 (batch, beams). A source position without any attention counts as
        having the smallest float32, or no score would be left to compare.
    """
    smallest = np.finfo(np.float32).tiny
    logs = tf.math.log(tf.clip_by_value(coverage, smallest, 1.0))
    if mask is not None:
        logs = tf.where(mask[:, None, :], logs, 0.0)
    return tf.cast(beta, tf.float32) * tf.reduce_sum(logs, axis=-1)
