"""The tab "Ladder": the same images at fewer and fewer iterations."""
