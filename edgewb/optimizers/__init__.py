"""Techniques that turn a float model into a smaller or faster one, one file per technique, combined by recipe names."""
