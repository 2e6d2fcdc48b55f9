"""The tab "Your images": an exact model of a visitor's pictures."""
