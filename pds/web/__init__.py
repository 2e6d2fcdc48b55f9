"""The page: `server` (around every request), `tabs` (one folder each) and `layout`."""
