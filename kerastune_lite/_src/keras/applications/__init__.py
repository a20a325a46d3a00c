"""Hypermodels for images, under KerasTuner's names.

image_hypermodel.py        what all have: images as their input
image_classifier.py        what those that classify have: augmentation, a top, the compilation
resnet.py xception.py efficientnet.py    one architecture each
augment.py                 random changes of images
augmentation_layers.py     the layers that make them
"""
