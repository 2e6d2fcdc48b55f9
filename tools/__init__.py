"""What developers run, and what the browser tests share with it."""
