"""The tabs of the page, a folder each: python, figures, html and scripts together."""
