"""How a model trains. Nothing outside this folder imports Keras.

Importing this package does not load Keras either; its modules do when a model is first built.
"""
