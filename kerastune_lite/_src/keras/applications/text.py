"""Networks for texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerastune_lite._src.keras.applications.ready_made import ReadyMade
from kerastune_lite._src.keras.loading import load_keras
from kerastune_lite._src.space.hyperparameters import HyperParameters
from kerastune_lite._src.util.public import public

load_keras()  # silently; the type checker understands only the import below
import keras  # noqa: E402
from keras import layers  # noqa: E402

MOST_TOKENS = 20_000
"""The size of the largest vocabulary."""

LONGEST = 512
"""Convolutions read no more than so many words of a text."""


@public("kerastune_lite.applications")
class HyperText(ReadyMade):
    """A network for texts, which splits them into words itself.

    Hyperparameters:
        network: "bag": which words occur in a text, and a dense layer (the default); or "conv":
            embeddings of the words in their order, and a convolution.
        max_tokens: 1,000, 5,000 or 20,000, the most frequent words; no more than there are. The
            largest by default.
        length: only of "conv": how many words are read, at most 512; as many as half or, by
            default, 95 % of the texts have.
        units: 16, 32, 64 or 128; 64 by default.
        dropout: 0 to 0.7; 0.5 by default.
        learning_rate: 0.0002 to 0.02; 0.002 by default. It rises shortly, then falls to 0.
        weight_decay: 0.002 to 0.2, of AdamW; 0.02 by default.
        batch_size: four powers of two; by default 32 batches make an epoch, of 16 to 256 samples.
        epochs: fixed, for `fit`.

    A bag of words does not know their order, and trains quickly. Each trial is traced anew, which
    takes about a second.

    Kim (2014), Convolutional neural networks for sentence classification, arXiv:1408.5882.
    Wang and Manning (2012), Baselines and bigrams: simple, good sentiment and topic
    classification.

    Args:
        x: the training texts, of shape (n,). `search` needs an array with `dtype=object`.
        y: their targets, or a `Target`.
        epochs: for how many epochs each trial trains.
        name, tunable: as of `HyperModel`.

    Raises:
        TypeError: `x` holds something else than texts.
        ValueError: `x` has another shape, or no words; or `y` is not as `Target.of` needs it.

    Example:
        >>> import numpy as np
        >>> from kerastune_lite.applications import HyperText
        >>> texts = np.array(["good", "bad", "very good", "quite bad"] * 8, dtype=object)
        >>> liked = np.array([1, 0, 1, 0] * 8)
        >>> hypermodel = HyperText(texts, liked, epochs=2)
        >>> tuner = kt.RandomSearch(hypermodel, "val_loss", max_trials=1, directory="runs")
        >>> tuner.search(texts, liked, validation_split=0.25, verbose=0)
    """

    def __init__(
        self, x: Any, y: Any, *, epochs: int = 10, name: str | None = None, tunable: bool = True
    ) -> None:
        texts = _texts(x)
        super().__init__(len(texts), y, epochs, name, tunable)
        self.vocabulary = _vocabulary(texts)
        """The words, the most frequent ones first."""
        lengths = np.quantile([len(text.split()) for text in texts], (0.5, 0.95))
        self.lengths = sorted({min(max(1, round(each)), LONGEST) for each in lengths})
        """The numbers of tokens that may be read."""

    def _inputs(self) -> Any:
        return keras.Input((), dtype="string")

    def _features(self, x: Any, hp: HyperParameters) -> Any:
        network = hp.Choice("network", ["bag", "conv"])
        most = len(self.vocabulary) + 2  # with the end of a text, and unknown words
        sizes = sorted({min(most, size) for size in (1_000, 5_000, MOST_TOKENS)})
        tokens = hp.Choice("max_tokens", sizes, default=sizes[-1])
        units = hp.Int("units", 16, 128, 2, "log", 64)
        dropout = hp.Float("dropout", 0.0, 0.7, default=0.5)
        words = list(self.vocabulary[: tokens - 2])
        if network == "bag":
            x = layers.TextVectorization(tokens, output_mode="multi_hot", vocabulary=words)(x)
            x = layers.Dense(units, activation="relu")(x)
            return layers.Dropout(dropout)(x)
        length = hp.Choice("length", self.lengths, default=self.lengths[-1])
        x = layers.TextVectorization(tokens, output_sequence_length=length, vocabulary=words)(x)
        x = layers.Embedding(tokens, units)(x)
        x = layers.Dropout(dropout)(x)
        x = layers.Conv1D(units, 5, padding="same", activation="relu")(x)
        x = layers.GlobalMaxPooling1D()(x)
        return layers.Dropout(dropout)(x)

    def _optimizer(self, hp: HyperParameters) -> Any:
        return self._adamw(hp, learning_rate=2e-3, weight_decay=0.02)


def _texts(x: Any) -> np.ndarray:
    """Texts of shape (n,), as Python objects."""
    texts = np.asarray(x, dtype=object)
    if texts.ndim != 1 or not len(texts):
        raise ValueError(
            "`x` must be an array of texts of the shape (samples,), with one or more. Received: "
            f"shape {texts.shape}. Choose a column: x[:, 0], or table['text'].to_numpy(object)."
        )
    other = next((each for each in texts if not isinstance(each, str)), None)
    if not all(isinstance(each, str) for each in texts):
        raise TypeError(
            f"`x` must hold texts. Received: {other!r} of type {type(other).__name__}. Replace "
            'missing texts by "", or use HyperMLP for tables of numbers.'
        )
    return texts


def _vocabulary(texts: np.ndarray) -> tuple[str, ...]:
    """The most frequent words of the texts, as Keras splits them."""
    counted = layers.TextVectorization(MOST_TOKENS)
    counted.adapt(texts)
    words = tuple(counted.get_vocabulary(include_special_tokens=False))
    if not words:
        raise ValueError(
            f"There must be words in the texts. Received: {len(texts)} texts of spaces and "
            "punctuation."
        )
    return words
