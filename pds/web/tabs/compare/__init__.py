"""The tab "Compare": two samplers side by side."""
