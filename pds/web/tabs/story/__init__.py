"""The tab "Why few steps fail": eight steps, with exact formulas and a network."""
