"""Reading and writing model files without any Keras backend."""
