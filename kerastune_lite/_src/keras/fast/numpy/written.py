"""All kinds of layers that are written out."""

from __future__ import annotations

from collections.abc import Mapping

from kerastune_lite._src.keras.fast.numpy import (
    convolution,
    embedding,
    layers,
    masking,
    normalization,
    pooling,
    recurrent,
)
from kerastune_lite._src.keras.fast.numpy.nodes import Written

WRITTEN: Mapping[str, Written] = {
    **layers.LAYERS,
    **convolution.LAYERS,
    **embedding.LAYERS,
    **masking.LAYERS,
    **normalization.LAYERS,
    **pooling.LAYERS,
    **recurrent.LAYERS,
}
"""By the name of the layer's class."""
