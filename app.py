"""Launch the demo: python app.py, then open the address that it prints."""

from pds.web.layout import build, options

demo = build()

if __name__ == "__main__":
    demo.launch(**options())
