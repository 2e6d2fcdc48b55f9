"""The tab "Why few steps fail": exact answers in six steps."""
