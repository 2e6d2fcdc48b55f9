"""Serving: one network call for the runs of all visitors, and how large and fast it may be."""
