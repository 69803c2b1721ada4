"""Latency and energy without a device: a model of the time, profiles of hosts, intervals with their coverage, calibration."""
