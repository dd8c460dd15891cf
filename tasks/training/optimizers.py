"""Adam as a training's config asks for it."""

import keras
import tensorflow as tf

from tasks.cli.config import TrainingConfig


class Adam(keras.optimizers.Adam):
    """Adam in one pass over the weights, whose weight decay leaves vectors alone.

    Keras' own takes a dozen passes, which for large tables of embeddings is a good
    part of a training. Biases and gains are vectors; GRU's two biases count as one.
    """

    def build(self, variables):
        """Makes the optimizer's variables for those that it is to train."""
        if not self.built:
            # Not by names: to TensorFlow a variable's name is its path, and a layer
            # may be called a bias. GRU's two biases are a matrix.
            self.exclude_from_weight_decay(
                [v for v in variables if len(v.shape) < 2 or v.name.endswith("bias")]
            )
        super().build(variables)

    def apply(self, grads, trainable_variables=None):
        """Takes a step along the sum of all replicas' gradients.

        Keras would sum what each replica has clipped for itself, and clip a table's
        gradient in parts, one for each time that a row was looked up: what is clipped
        here is the gradient.
        """
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            given = [grad for grad in grads if grad is not None]
            summed = iter(context.all_reduce("sum", given) if given else [])
            grads = [None if grad is None else next(summed) for grad in grads]
        whole = [None if grad is None else tf.convert_to_tensor(grad) for grad in grads]
        super().apply(whole, trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Returns the gradients as they are: `apply` has summed them."""
        return list(grads_and_vars)

    def update_step(self, gradient, variable, learning_rate):
        """Updates a variable and its two moments, by TensorFlow's own kernel."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index].value, self._velocities[index].value
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=tf.cast(self.beta_1, variable.dtype) ** step,
            beta2_power=tf.cast(self.beta_2, variable.dtype) ** step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


def optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Returns Adam (Kingma & Ba 2015) as the config asks for it.

    Args:
        config: the step size, its schedule, and how gradients are clipped. Along
            a cosine it first rises over a twentieth of the steps. How the weights
            decay, decoupled from the gradients (Loshchilov & Hutter 2019): matrices
            and tables by `weight_decay` times the step size at each step. And whether
            it keeps a moving average of the weights (Polyak & Juditsky 1992).
        steps: how many updates the training has at most.
    """
    rate = config.learning_rate
    if config.schedule == "cosine":
        warmup = steps // 20
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, warmup_target=rate, warmup_steps=warmup
        )
    return Adam(
        rate,
        weight_decay=config.weight_decay or None,
        global_clipnorm=config.clip_norm or None,
        clipvalue=config.clip_value or None,
        use_ema=config.ema_momentum > 0,
        ema_momentum=config.ema_momentum or None,
    )
