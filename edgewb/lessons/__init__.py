"""Numbers and data behind the notebooks of the course that no other room needs. No TensorFlow."""
