"""All of Keras and TensorFlow that is not public and that we lean on, with a probe of each."""
