"""Two networks against each other: a GAN draws digits, and the search finds their balance.

    python examples/gan.py [--trials 15] [--directory runs]

A generator draws 8 x 8 images from random numbers, a discriminator learns to tell them from
scikit-learn's digits, and the generator learns to deceive it (Goodfellow et al., 2014). Their
losses say who is ahead, and not whether the images are good. So the search looks at how far apart
drawn images and digits are as distributions, by their maximum mean discrepancy, on digits that
neither network was trained on. Tuned are both learning rates, how far labels are smoothed, and the
sizes. The first trial has the usual values (Radford et al., 2016), which were chosen for longer
trainings. At the end, digits that influenced nothing judge both. It takes about a minute.
"""

import argparse

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

SHADES = " .:-=+*#%@"
WIDTH = 3.0  # of the kernel; two digits are about as far apart


def gan(units, numbers, smoothing, discriminator_rate):
    """A model that draws images (n, 64) in [0, 1] from random numbers (n, `numbers`)."""
    import keras
    import tensorflow as tf
    from keras import layers

    def network(inputs, outputs, activation):
        def hidden():
            return [layers.Dense(units), layers.LeakyReLU(0.2)]

        last = layers.Dense(outputs, activation)
        return keras.Sequential([keras.Input((inputs,)), *hidden(), *hidden(), last])

    def crossentropy(target, logits):
        targets = tf.fill(tf.shape(logits), target)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))

    class GAN(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = network(numbers, 64, "sigmoid")
            self.discriminator = network(64, 1, None)
            # That of the generator comes with compile().
            self.discriminator_optimizer = keras.optimizers.Adam(discriminator_rate, beta_1=0.5)
            self.losses_seen = [keras.metrics.Mean("generator"), keras.metrics.Mean("other")]
            self.mmd = keras.metrics.Mean("mmd")

        @property
        def metrics(self):
            return [*self.losses_seen, self.mmd]

        def call(self, noise):
            return self.generator(noise)

        def drawn(self, count):
            return self.generator(tf.random.normal((count, numbers)), training=True)

        def train_step(self, images):
            count = tf.shape(images)[0]
            with tf.GradientTape() as tape:
                false = self.discriminator(self.drawn(count), training=True)
                true = self.discriminator(images, training=True)
                # Only true images have smooth labels (Salimans et al., 2016).
                loss = crossentropy(1.0 - smoothing, true) + crossentropy(0.0, false)
            weights = self.discriminator.trainable_variables
            self.discriminator_optimizer.apply(tape.gradient(loss, weights), weights)

            with tf.GradientTape() as tape:
                false = self.discriminator(self.drawn(count), training=True)
                own_loss = crossentropy(1.0, false)
            weights = self.generator.trainable_variables
            self.optimizer.apply(tape.gradient(own_loss, weights), weights)

            for metric, value in zip(self.losses_seen, (own_loss, loss)):
                metric.update_state(value)
            return {metric.name: metric.result() for metric in self.losses_seen}

        def test_step(self, images):
            self.mmd.update_state(discrepancy(images, self.drawn(tf.shape(images)[0])))
            return {"mmd": self.mmd.result()}

    return GAN()


def discrepancy(images, others):
    """The squared maximum mean discrepancy of two samples, times 1000: 0 if they are alike.

    It is the estimate without bias, which may be below 0 (Gretton et al., 2012, equation 3).
    """
    import tensorflow as tf

    def kernel(a, b):
        squares = tf.reduce_sum(a * a, 1)[:, None] + tf.reduce_sum(b * b, 1)
        return tf.exp((2 * tf.matmul(a, b, transpose_b=True) - squares) / (2 * WIDTH**2))

    def within(a):
        """The mean over pairs of different images."""
        count = tf.cast(tf.shape(a)[0], "float32")
        return (tf.reduce_sum(kernel(a, a)) - count) / (count * (count - 1))

    across = tf.reduce_mean(kernel(images, others))
    return 1000 * (within(images) + within(others) - 2 * across)


def build(hp):
    import keras

    model = gan(
        hp.Int("units", 64, 256, sampling="log", default=128),
        hp.Int("numbers", 4, 100, sampling="log", default=100),
        hp.Float("smoothing", 0.0, 0.3, default=0.0),
        hp.Float("discriminator_rate", 1e-4, 3e-2, sampling="log", default=2e-4),
    )
    rate = hp.Float("generator_rate", 1e-4, 1e-2, sampling="log", default=2e-4)
    model.compile(keras.optimizers.Adam(rate, beta_1=0.5))
    hp.Fixed("batch_size", 32)
    return model


def as_text(images):
    """Images (n, 64) beside each other, in letters."""
    levels = np.round(images * (len(SHADES) - 1)).astype(int)
    rows = levels.reshape(-1, 8, 8).transpose(1, 0, 2)
    lines = [["".join(SHADES[level] * 2 for level in image) for image in row] for row in rows]
    return "\n".join("   ".join(line).rstrip() for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=15, help="in all, earlier runs included")
    parser.add_argument("--epochs", type=int, default=60, help="of each trial")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    x = np.float32(load_digits().data / 16)
    x, x_test = train_test_split(x, test_size=0.25, random_state=0)
    x, x_val = train_test_split(x, test_size=0.3, random_state=0)
    tuner = kt.BayesianOptimization(
        build,
        objective=kt.Objective("val_mmd", "min"),
        max_trials=arguments.trials,
        keep_checkpoints=arguments.trials,  # also of the first one
        seed=1,
        directory=arguments.directory,
        project_name="gan",
    )
    tuner.search(
        x,
        validation_data=(x_val, None),
        validation_batch_size=len(x_val),
        epochs=arguments.epochs,
    )

    def drawn_by(trial):
        noise = np.random.default_rng(0).normal(size=(len(x_test), trial.values["numbers"]))
        return np.asarray(tuner.load_model(trial)(np.float32(noise)))

    first, best = tuner.trials[0], tuner.get_best_trials()[0]
    images = {
        f"the best, trial {best.number}": drawn_by(best),
        "the usual values": drawn_by(first),
        "digits to train on": x[: len(x_test)],
    }
    print(f"Squared discrepancy, times 1000, from {len(x_test)} digits never seen:")
    for name, those in images.items():
        print(f"  {name:<20}  {float(discrepancy(x_test, those)):7.2f}")
    drawn = next(iter(images.values()))
    nearest = [cdist(those, x).min(axis=1).mean() for those in (drawn, x_test)]
    print(
        "How far the nearest image is that was trained on: {:.2f}, of digits {:.2f}".format(
            *nearest
        )
    )
    print(as_text(drawn[:5]))


if __name__ == "__main__":
    main()
