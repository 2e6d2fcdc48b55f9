"""Programs for developers; the browser tests share their server and browser."""
