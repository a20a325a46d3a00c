"""What shared programs know: layers, optimizers, scalars. All else is not shared."""

from __future__ import annotations

from collections.abc import Mapping

SIZED: Mapping[str, str | None] = {
    # Layers that compute the same whether or not the sizes of their variables are known when they
    # are traced -> the argument that holds such a size.
    **dict.fromkeys(("Dense",), "units"),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), "filters"),
    **dict.fromkeys(
        (
            "Activation",
            "Add",
            "Average",
            "AveragePooling1D",
            "AveragePooling2D",
            "AveragePooling3D",
            "BatchNormalization",
            "CenterCrop",
            "Dropout",
            "ELU",
            "Flatten",
            "GaussianDropout",
            "GaussianNoise",
            "GlobalAveragePooling1D",
            "GlobalAveragePooling2D",
            "GlobalAveragePooling3D",
            "GlobalMaxPooling1D",
            "GlobalMaxPooling2D",
            "GlobalMaxPooling3D",
            "InputLayer",
            "LeakyReLU",
            "MaxPooling1D",
            "MaxPooling2D",
            "MaxPooling3D",
            "Maximum",
            "Minimum",
            "Multiply",
            "Normalization",
            "RandomBrightness",
            "RandomContrast",
            "RandomCrop",
            "RandomErasing",
            "RandomFlip",
            "RandomGaussianBlur",
            "RandomGrayscale",
            "RandomHue",
            "RandomRotation",
            "RandomSaturation",
            "RandomSharpness",
            "RandomShear",
            "RandomTranslation",
            "RandomZoom",
            "ReLU",
            "Rescaling",
            "Resizing",
            "Softmax",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
            "Subtract",
            "ZeroPadding1D",
            "ZeroPadding2D",
        ),
        None,
    ),
}

FIXED = frozenset(
    # Layers that are traced for the sizes they have, and shared among models of equal shapes.
    (
        "AlphaDropout",
        "Bidirectional",
        "Concatenate",
        "Conv1DTranspose",
        "Conv2DTranspose",
        "Cropping1D",
        "Cropping2D",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "Dot",
        "EinsumDense",
        "Embedding",
        "GRU",
        "GroupNormalization",
        "LSTM",
        "LayerNormalization",
        "Masking",
        "MultiHeadAttention",
        "PReLU",
        "Permute",
        "RMSNormalization",
        "RepeatVector",
        "Reshape",
        "SeparableConv1D",
        "SeparableConv2D",
        "SimpleRNN",
        "TimeDistributed",
        "UnitNormalization",
        "UpSampling1D",
        "UpSampling2D",
    )
)

RECURRENT = frozenset(("Bidirectional", "GRU", "LSTM", "SimpleRNN"))
"""They go through a sequence step by step."""

MODELS = frozenset(("Functional", "Sequential"))

OPTIMIZERS: Mapping[str, tuple[str, ...]] = {
    # -> the scalars that are read at run time, besides the learning rate and those of all.
    "SGD": ("momentum",),
    "Adam": ("beta_1", "beta_2", "epsilon"),
    "AdamW": ("beta_1", "beta_2", "epsilon"),
    "Adamax": ("beta_1", "beta_2", "epsilon"),
    "Nadam": ("beta_1", "beta_2", "epsilon"),
    "RMSprop": ("rho", "momentum", "epsilon"),
    "Adagrad": ("epsilon",),
    "Adadelta": ("rho", "epsilon"),
    "Lion": ("beta_1", "beta_2"),
    "Ftrl": (),
    "Lamb": (),
    "Adafactor": (),
}
OF_ALL_OPTIMIZERS = ("weight_decay", "clipnorm", "clipvalue")
SHAPED_OPTIMIZERS = frozenset(("Adafactor", "Lamb"))
"""Their updates look at the shapes of variables."""

SCALARS: Mapping[str, tuple[str, ...]] = {
    "Dropout": ("rate",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate",),
    "SpatialDropout3D": ("rate",),
    "GaussianNoise": ("stddev",),
    "L1": ("l1",),
    "L2": ("l2",),
    "L1L2": ("l1", "l2"),
    "CosineDecay": (
        "initial_learning_rate",
        "decay_steps",
        "alpha",
        "warmup_steps",
        "warmup_target",
    ),
    "ExponentialDecay": ("initial_learning_rate", "decay_steps", "decay_rate"),
    "InverseTimeDecay": ("initial_learning_rate", "decay_steps", "decay_rate"),
    "PolynomialDecay": ("initial_learning_rate", "decay_steps", "end_learning_rate", "power"),
}
"""Arguments of layers, regularizers and schedules that are read at run time."""

REGULARIZERS = tuple(
    f"{part}_regularizer"
    for part in (
        "activity",
        "beta",
        "bias",
        "depthwise",
        "embeddings",
        "gamma",
        "kernel",
        "pointwise",
        "recurrent",
    )
)
NOT_PART = ("build_config", "build_input_shape", "seed")
"""Arguments that leave the computation as it is; seeds are the state of variables."""
