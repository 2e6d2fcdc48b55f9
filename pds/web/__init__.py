"""The browser demo: session (a request in, views out), figures (plotly) and layout (gradio)."""
