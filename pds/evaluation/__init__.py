"""The evidence: many images of many samplers, and how far each lot is from held-out data."""
