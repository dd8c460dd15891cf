"""Linear chains: sums over all sequences of tags, and the best of them.

A chain gives a sequence y of tags under emissions e the score

```
score(e, y) = start[y<1>] + Σ_t e<t>[y<t>] + Σ_{t>1} transitions[y<t-1>, y<t>]
              + end[y<T>]
P(y | e)    = exp(score(e, y)) / Z,     Z = Σ_y' exp(score(e, y'))
```

over the valid steps alone: the step before a masked one and the step after it are
neighbours. A potential, or an emission, of -inf forbids: what is forbidden has the
probability 0 exactly, and no gradient. A row without a valid step has one sequence,
the empty one, of score 0. Everything takes O(T·K²), in TensorFlow's core operations,
for batches and lengths of any size, 0 included. `log_partition` and `log_likelihood`
have gradients written by hand; those of a higher order are TensorFlow's.

The functions share these arguments:

    emissions: e, float (batch, steps, K).
    mask: bool (batch, steps), any pattern, or None where all steps are valid.
    potentials: a `Potentials`, of the emissions' dtype.
"""

from zoo.kernels.chain.max_product import n_best, viterbi
from zoo.kernels.chain.potentials import Potentials
from zoo.kernels.chain.sum_product import (
    log_likelihood,
    log_partition,
    marginals,
    path_score,
)

__all__ = [
    "Potentials",
    "log_likelihood",
    "log_partition",
    "marginals",
    "n_best",
    "path_score",
    "viterbi",
]
