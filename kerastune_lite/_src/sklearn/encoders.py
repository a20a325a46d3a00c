"""From labels to the targets of Keras models, and from outputs back to labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerastune_lite._src.sklearn.compat import kind_of_labels
from kerastune_lite._src.sklearn.from_scikeras import ClassifierLabelEncoder
from kerastune_lite._src.sklearn.from_scikeras import RegressorTargetEncoder as TargetEncoder

__all__ = ["LabelEncoder", "TargetEncoder"]


class LabelEncoder(ClassifierLabelEncoder):
    """scikeras's encoder of labels, with the probabilities of a single row fixed."""

    def inverse_transform(self, y: np.ndarray, return_proba: bool = False) -> Any:
        """Labels or probabilities from the model's outputs `(n, outputs)`.

        Returns:
            Labels in the shape of those at `fit`, or `(n, classes)` probabilities.
        """
        if not return_proba:
            return super().inverse_transform(y)
        if kind_of_labels(self) == "binary" and self.n_classes_ == 2:
            column = y.reshape(len(y), -1)
            if column.shape[1] == 1:
                return np.column_stack([1 - column, column])
        return y
