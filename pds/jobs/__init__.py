"""The runs of main.py: configuration, checkpoint, folder, resume; and requests as text."""
