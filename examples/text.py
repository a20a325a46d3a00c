"""Classifies real texts: which part of SciPy does a sentence describe?

    python examples/text.py [--trials 8] [--directory runs]

The texts are the first paragraphs of the documentation that comes with SciPy: some 1,100, of 50
letters on average, about functions of eight of its parts (signals, statistics, linear algebra and
others). `HyperText` takes texts as they are: it learns the words of the training texts, and brings
the space of the networks. A classical method, weighted words and a linear model, is what to compare
with: with so few texts it is hard to beat. It takes less than a minute.
"""

import argparse
import importlib
import inspect
import re

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import kerastune_lite as kt
from kerastune_lite.applications import HyperText

PARTS = ["interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "special", "stats"]
NAMES = re.compile(rf"\b(scipy|{'|'.join(PARTS)})\b")
SIGNATURE = re.compile(r"\w+\(.*\)\s*")


def descriptions():
    """Texts, `(n,)`, and the part that each of them is of, `(n,)`."""
    found = {}
    for part in PARTS:
        module = importlib.import_module(f"scipy.{part}")
        for name in module.__all__:
            subject = getattr(module, name)
            if not inspect.ismodule(subject):
                text = first_paragraph(inspect.getdoc(subject) or "")
                # Texts that two functions share count once: one must not be tested on the other.
                found.setdefault(text, part)
    found.pop("", None)
    return np.array(list(found), dtype=object), np.array(list(found.values()))


def first_paragraph(documentation):
    """Without the signature, and the names of the parts, which would give the answer away."""
    lines = [line for line in documentation.splitlines() if not SIGNATURE.fullmatch(line)]
    paragraph, *_ = "\n".join(lines).strip().split("\n\n")
    return " ".join(NAMES.sub(" ", paragraph).split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8, help="in all, earlier runs included")
    parser.add_argument("--directory", default="runs", help="where the project is kept")
    arguments = parser.parse_args()

    texts, parts = descriptions()
    names, labels = np.unique(parts, return_inverse=True)
    x, x_test, y, y_test = train_test_split(
        texts, labels, test_size=0.25, stratify=labels, random_state=0
    )
    # The words are learned from what HyperText is given: those to validate on are set aside.
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=0
    )
    tuner = kt.BayesianOptimization(
        HyperText(x_train, y_train, epochs=20),
        objective="val_loss",
        max_trials=arguments.trials,
        seed=1,
        directory=arguments.directory,
        project_name="text",
    )
    tuner.search(x_train, y_train, validation_data=(x_val, y_val))

    model = tuner.get_best_models()[0]
    predicted = model.predict(x_test, verbose=0).argmax(axis=1)
    for text, guess, truth in zip(x_test[:5], names[predicted], names[y_test]):
        print(f"  {text[:60]:62}{guess:12}" + ("" if guess == truth else f"(it is {truth})"))
    classical = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10))
    classical.fit(x, y)
    print(f"Accuracy on {len(x_test)} texts that neither has seen:")
    print(f"  the best network of the search         {(predicted == y_test).mean():.3f}")
    print(f"  weighted words and a linear model      {classical.score(x_test, y_test):.3f}")
    print(f"  always the most frequent part          {np.bincount(y_test).max() / len(y_test):.3f}")


if __name__ == "__main__":
    main()
