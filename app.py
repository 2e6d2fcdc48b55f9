"""Launch the demo: python app.py, then open the address that it prints."""

from pds import memory
from pds.web import session
from pds.web.layout import build, options

demo = build()

if __name__ == "__main__":
    memory.keep_large_blocks()
    session.warm_up()
    demo.launch(**options())
