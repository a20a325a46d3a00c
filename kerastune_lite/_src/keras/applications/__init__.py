"""Hypermodels that need no code of the user's.

Made from the training data:
ready_made.py              what they have in common
mlp.py cnn.py rnn.py text.py             for tables, images, series, texts: one each
targets.py                 what a model predicts, and the end of a model that predicts it
arrays.py                  inputs, checked and described by a few numbers

For images, under KerasTuner's names:
image_hypermodel.py        what all have: images as their input
image_classifier.py        what those that classify have: augmentation, a top, the compilation
resnet.py xception.py efficientnet.py    one architecture each
augment.py                 random changes of images
augmentation_layers.py     the layers that make them
augmentation_model.py      the model of them, as users give it
"""
