"""The command line: `cli` chooses a command, and each command has a module of its name."""
