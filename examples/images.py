"""A convolutional network that nobody wrote: scikit-learn's handwritten digits as 8 x 8 images.

    python examples/images.py [--trials 6] [--directory runs]

`HyperCNN` looks at the training images (their size, their range, how many classes there are) and
brings the whole space: blocks, filters, dropout, the optimizer and its learning rate. The first
trial has its defaults. It takes less than a minute.
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerastune_lite as kt
from kerastune_lite.applications import HyperCNN


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=6, help="in all, earlier runs included")
    parser.add_argument("--epochs", type=int, default=12, help="of each trial")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    digits = load_digits()
    x, x_test, y, y_test = train_test_split(
        digits.images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )
    # The mean and the deviation of pixels are read off what HyperCNN is given. They belong to the
    # training, so the images to validate on are set aside before.
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    hypermodel = HyperCNN(x, y, epochs=arguments.epochs)

    tuner = kt.RandomSearch(
        hypermodel,
        objective="val_accuracy",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="images",
    )
    if not tuner.trials:
        tuner.enqueue({})  # the defaults first: they are good for most images of this size
    tuner.search(x, y, validation_data=(x_val, y_val))

    model = tuner.get_best_models()[0]
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"Accuracy of the best network on {len(x_test)} digits it never saw: {accuracy:.3f}")
    # Scaling is a part of the model: it takes images as the data set has them.
    print(f"It takes images of {model.input_shape[1:]}, with pixels of 0 to {x.max():.0f}.")


if __name__ == "__main__":
    main()
