"""Launch the demo: python app.py, then open the address that it prints."""

from pds.web import journal, session
from pds.web.layout import build, options

demo = build()

if __name__ == "__main__":
    journal.start()
    session.warm_up()
    demo.launch(**options())
