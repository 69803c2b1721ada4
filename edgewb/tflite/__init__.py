"""Reading TensorFlow Lite files without TensorFlow, and the arithmetic of quantisation."""
