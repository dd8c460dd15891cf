"""The names of classes, tags or tokens, in a SavedModel.

```
<kind>_names() → <kind>_names      all of them, by their ids
names(ids) → <kind>_names          those of some ids, or all where no id is given
```

The first takes nothing, so that there is no batch in it. TensorFlow Serving's REST
interface calls no function without an input: the second is for that, by columns
(`{"signature_name": "names", "inputs": []}` gives all) or by rows.
"""

from collections.abc import Sequence

import tensorflow as tf

from zoo.decoding.parameters import checked


def naming(kind: str, names: Sequence[str]) -> dict:
    """Returns a SavedModel's functions that tell names.

    Args:
        kind: of what they are: "class", "tag" or "token".
        names: by their ids.
    """
    key, count = f"{kind}_names", len(names)

    @tf.function(input_signature=[], autograph=False)
    def all_names():
        return {key: tf.constant(names)}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int32, name="ids")], autograph=False
    )
    def names_of(ids):
        ids = checked(
            ids,
            (ids >= 0) & (ids < count),
            f"`ids` must be from 0 to {count - 1}, found {{}}.",
            ids,
        )
        ids = tf.cond(tf.size(ids) > 0, lambda: ids, lambda: tf.range(count))
        return {key: tf.gather(all_names()[key], ids)}

    return {key: all_names, "names": names_of}
