"""A training loop of your own: steps that look at the loss around the weights, not only at them.

    python examples/own_loop.py [--trials 12] [--directory runs]

Sharpness-aware minimisation (Foret et al., 2021) takes two gradients in a step: one to go uphill by
`radius`, one there, with which the weights are then changed. `model.fit` does not do that; a
`HyperModel` with its own `fit` does. The radius is a hyperparameter like the learning rate; 0 is
ordinary training. A third of the training labels of scikit-learn's digits are drawn anew: the paper
reports that the method helps there. It takes about a minute.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt


class SharpnessAware(kt.HyperModel):
    def build(self, hp):
        import keras

        units = hp.Int("units", 32, 128, sampling="log")
        return keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(10),
            ]
        )

    def fit(self, hp, model, x, y, validation_data, epochs, callbacks):
        import keras
        import tensorflow as tf

        radius = hp.Choice("radius", [0.0, 0.05, 0.1, 0.2])
        rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
        optimizer = keras.optimizers.Adam(rate)
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        weights = model.trainable_variables

        def gradients_of(inputs, targets):
            with tf.GradientTape() as tape:
                loss = loss_of(targets, model(inputs, training=True))
            return tape.gradient(loss, weights)

        @tf.function
        def step(inputs, targets):
            gradients = gradients_of(inputs, targets)
            if radius:  # equation 2 of the paper: up the slope by `radius`, and back
                scale = radius / (tf.linalg.global_norm(gradients) + 1e-12)
                moves = [scale * gradient for gradient in gradients]
                for weight, move in zip(weights, moves):
                    weight.assign_add(move)
                gradients = gradients_of(inputs, targets)
                for weight, move in zip(weights, moves):
                    weight.assign_sub(move)
            optimizer.apply(gradients, weights)

        batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(64)
        x_val, y_val = validation_data
        # The search's own callbacks are among these: they record epochs, keep the best weights, and
        # set `stop_training` when somebody stops the search.
        for callback in callbacks:
            callback.set_model(model)
        model.stop_training = False
        accuracies = []
        for epoch in range(epochs):
            for inputs, targets in batches:
                step(inputs, targets)
            accuracies.append(accuracy_of(model, x_val, y_val))
            for callback in callbacks:
                callback.on_epoch_end(epoch, {"val_accuracy": accuracies[-1]})
            if model.stop_training:
                break
        return {"val_accuracy": max(accuracies)}


def accuracy_of(model, x, y):
    return float(np.mean(np.argmax(model(x), axis=1) == y))


def with_wrong_labels(labels, part, rng):
    """The labels, of which a `part` are replaced by any of the ten."""
    wrong = rng.random(len(labels)) < part
    return np.where(wrong, rng.integers(10, size=len(labels)), labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12, help="in all, earlier runs included")
    parser.add_argument("--epochs", type=int, default=20, help="of each trial")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    x, y = load_digits(return_X_y=True)
    x = np.float32(x / 16)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
    y = with_wrong_labels(y, 1 / 3, np.random.default_rng(0))

    tuner = kt.RandomSearch(
        SharpnessAware(),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="own_loop",
    )
    tuner.search(x, y, validation_data=(x_val, y_val), epochs=arguments.epochs)

    print("radius  trials  best accuracy on validation data")
    for radius in (0.0, 0.05, 0.1, 0.2):
        scores = [trial.score for trial in tuner.trials if trial.values["radius"] == radius]
        if scores:
            print(f"{radius:6.2f}  {len(scores):6}  {max(scores):.3f}")
    accuracy = accuracy_of(tuner.get_best_models()[0], x_test, y_test)
    print(f"Accuracy of the best network on {len(y_test)} digits it never saw: {accuracy:.3f}")


if __name__ == "__main__":
    main()
