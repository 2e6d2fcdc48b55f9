"""Evaluations: many images of many samplers, and their distances from held-out data."""
