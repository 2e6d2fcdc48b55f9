"""The arms of a comparison: samplers by their names, and how they are built for a model."""
