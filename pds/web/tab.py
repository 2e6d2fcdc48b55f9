"""The description of a tab for the page.

The HTML, the scripts and the Python of a tab lie in its folder below `pds.web.tabs`; its module
`tab` ends with one `Tab`. `pds.web.components` builds its component.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pds.web.server.messages import Message
from pds.web.server.runs import Messages, View
from pds.web.server.scripts import loader

STATIC = Path(__file__).parent / "static"
"""Styles that several tabs share."""


@dataclass(frozen=True)
class Run:
    """A run that the script of a tab starts.

    event: name of the event that starts it; the event "stop" cancels the first run of a tab.
    kind: name of the run in the journal.
    messages: makes the messages of the run.
    """

    event: str
    kind: str
    messages: Messages


@dataclass(frozen=True, kw_only=True)
class Tab:
    """A tab of the page.

    name: of the tab in a link.
    title: on the tab.
    folder: of its files.
    html: file of its HTML; a line such as `<!-- branch.html -->` stands for one of `parts`.
    parts: files of HTML that are parts of it, or of parts that are named before them.
    styles: files of its own styles.
    script: file of the ES module whose `start` runs when the component is drawn.
    setup: returns the values that the script needs before its first request.
    element: id of the component, if it is not the tab's name.
    value: returns the recorded run that is shown at first; None without one.
    views: functions that the script calls, by name.
    run: the run that the script starts; None without one.
    further_runs: others that it starts, whose messages come to the same element. No event cancels
        them: gradio's client closes the stream of all messages of a visit when it cancels, and what
        starts at that moment would get none.
    is_pane: whether the tab consists of controls and figures.
    notes: file of HTML below the component, "" without one.
    """

    name: str
    title: str
    folder: Path
    html: str
    script: str
    setup: Callable[[], Message]
    element: str = ""
    value: Callable[[], str] | None = None
    views: Mapping[str, View] = field(default_factory=dict)
    run: Run | None = None
    further_runs: tuple[Run, ...] = ()
    is_pane: bool = True
    notes: str = ""
    parts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return all runs."""
        return (() if self.run is None else (self.run,)) + self.further_runs

    @property
    def markup(self) -> str:
        """Return the HTML with its parts."""
        whole = self.text(self.html)
        for part in self.parts:
            whole = whole.replace(f"<!-- {part} -->", self.text(part))
        return whole

    def text(self, *names: str) -> str:
        """Return the text of files of this tab, or shared ones, one after the other."""
        paths = (path for name in names for path in (self.folder / name, STATIC / name))
        found = [path for path in paths if path.is_file()]
        assert len(found) == len(names), f"of {names} there are only {found}"
        return "\n".join(path.read_text(encoding="utf-8") for path in found)

    def on_load(self) -> str:
        """Return the script that gradio runs when the component is drawn."""
        events = [run.event for run in self.runs] + ([] if self.run is None else ["stop"])
        return loader(f"tabs/{self.folder.name}/{self.script}", events)
