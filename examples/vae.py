"""A generative model with its own `train_step`: a variational autoencoder draws digits.

    python examples/vae.py [--trials 10] [--directory runs]

The network learns to describe an 8 x 8 image by a few numbers, and to draw an image from them
(Kingma and Welling, 2014). How many numbers, how wide the layers, and the learning rate are tuned;
what is compared is the bound of the likelihood on images that it was not trained on (equation 3).
At the end it draws four digits that nobody wrote. It takes about a minute.
"""

import argparse
import math

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt

SHADES = " .:-=+*#%@"


def vae(units, numbers):
    """A model of images (n, 64) in [0, 1] that describes each by `numbers` numbers."""
    import keras
    import tensorflow as tf
    from keras import layers, ops

    def two_layers(units, outputs):
        return keras.Sequential([layers.Dense(units, "relu"), layers.Dense(outputs)])

    class VariationalAutoencoder(keras.Model):
        def __init__(self, units, numbers):
            super().__init__()
            self.numbers = numbers
            self.encoder = two_layers(units, 2 * numbers)
            self.decoder = two_layers(units, 64)
            self.bound = keras.metrics.Mean("loss")

        @property
        def metrics(self):
            return [self.bound]

        def call(self, images):
            """The same images, drawn from the means of their descriptions."""
            return ops.sigmoid(self.decoder(self.encoder(images)[:, : self.numbers]))

        def loss_of(self, images):
            """Equation 10: what is lost in the drawing, and what the description costs, in nats."""
            means, log_variances = ops.split(self.encoder(images), 2, axis=1)
            noise = tf.random.normal(tf.shape(means))
            drawn = self.decoder(means + ops.exp(log_variances / 2) * noise)
            lost = tf.nn.sigmoid_cross_entropy_with_logits(images, drawn)
            costs = (ops.square(means) + ops.exp(log_variances) - log_variances - 1) / 2
            return ops.mean(ops.sum(lost, axis=1) + ops.sum(costs, axis=1))

        def train_step(self, images):
            with tf.GradientTape() as tape:
                loss = self.loss_of(images)
            weights = self.trainable_variables
            self.optimizer.apply(tape.gradient(loss, weights), weights)
            self.bound.update_state(loss)
            return {"loss": self.bound.result()}

        def test_step(self, images):
            self.bound.update_state(self.loss_of(images))
            return {"loss": self.bound.result()}

    return VariationalAutoencoder(units, numbers)


def build(hp):
    import keras

    model = vae(hp.Int("units", 32, 256, sampling="log"), hp.Int("numbers", 2, 16, sampling="log"))
    model(np.zeros((1, 64), "float32"))  # makes the weights
    model.compile(keras.optimizers.Adam(hp.Float("learning_rate", 3e-4, 3e-2, sampling="log")))
    hp.Fixed("batch_size", 64)
    return model


def as_text(images):
    """Images (n, 64) beside each other, in letters."""
    levels = np.round(np.clip(images, 0, 1) * (len(SHADES) - 1)).astype(int)
    rows = levels.reshape(-1, 8, 8).transpose(1, 0, 2)
    lines = [["".join(SHADES[level] * 2 for level in image) for image in row] for row in rows]
    return "\n".join("   ".join(line).rstrip() for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10, help="in all, earlier runs included")
    parser.add_argument("--epochs", type=int, default=30, help="of each trial")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    x = np.float32(load_digits().data / 16)
    x, x_val = train_test_split(x, test_size=0.25, random_state=0)
    tuner = kt.BayesianOptimization(
        build,
        objective="val_loss",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="vae",
    )
    tuner.search(x, validation_data=(x_val, None), epochs=arguments.epochs)

    best = tuner.get_best_trials()[0]
    pixel = np.clip(x.mean(axis=0), 1e-3, 1 - 1e-3)
    alone = -np.sum(x_val * np.log(pixel) + (1 - x_val) * np.log(1 - pixel), axis=1).mean()
    print(
        f"Bits for an image: {best.score / math.log(2):.1f} with {best.values['numbers']} numbers"
    )
    print(f"                   {alone / math.log(2):.1f} if each pixel has its mean")
    model = tuner.get_best_models()[0]
    described = np.random.default_rng(0).normal(size=(4, model.numbers))
    print(as_text(1 / (1 + np.exp(-np.asarray(model.decoder(np.float32(described)))))))


if __name__ == "__main__":
    main()
