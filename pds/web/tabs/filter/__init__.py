"""The tab "Filter": the gains of a model at any alpha."""
