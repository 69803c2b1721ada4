"""What an Edge TPU compiler does with a model: predicted from rules, or read from a compiled file."""
