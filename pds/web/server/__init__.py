"""The server side of every request: guard, visits, journal, and the use of gradio's internals."""
