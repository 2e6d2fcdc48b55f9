"""What stands around every request: guard, visits, journal, and what is special about gradio."""
