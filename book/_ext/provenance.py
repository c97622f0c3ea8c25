"""Says under a chapter's title where its numbers come from: profile, device, seeds, date, run time, versions, code.

Below it stands the command that makes these numbers again.

Taken from the record `data/results/book/<chapter>.json`, and put into the document tree as plain words, so that nothing
in a record can become markup.
"""

from pathlib import PurePosixPath

from docutils import nodes

from labelbook import resources, results

SHOWN = ("python", "torch", "torchvision", "numpy", "sklearn")


def words(record: dict) -> str:
    """The line for one record; what a record does not have is left out."""
    seeds = len({row["seed"] for row in record["scores"]})
    seconds, versions, code = record.get("wall_seconds"), record.get("versions", {}), record["code"]
    said = [
        f"profile {record['profile']}",
        f"data {record['source']}",
        record.get("device"),
        f"{seeds} seed{'s' * (seeds != 1)}",
        f"run on {record['date']}" if "date" in record else None,
        f"in {seconds / 60:.1f} minutes"
        if seconds and seconds >= 90
        else f"in {seconds:.0f} seconds"
        if seconds
        else None,
        ", ".join(f"{name} {versions[name]}" for name in SHOWN if name in versions),
        f"code {code[:8]}" if code else None,
    ]
    return " · ".join(str(part) for part in said if part)


def command(slug: str) -> str:
    """What a reader types in a clone of the book."""
    return f"make chapter NAME={slug} PROFILE=book"


def add_line(app, doctree):
    name = PurePosixPath(app.env.docname)
    path = resources.results_folder("book") / f"{name.name}.json"
    if name.parts[0] != "notebooks" or not path.exists():
        return
    app.env.note_dependency(str(path))
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None:
        line = nodes.paragraph("", "", nodes.strong("", "This run: "), nodes.Text(words(results.read_record(path))))
        again = nodes.paragraph("", "", nodes.strong("", "Run it yourself: "), nodes.literal("", command(name.name)))
        again += nodes.Text(" in a clone, or the rocket above for Colab")
        place = title.parent.index(title) + 1
        for extra in (again, line):  # the line about the run comes first
            extra["classes"].append("provenance")
            title.parent.insert(place, extra)


def setup(app):
    app.connect("doctree-read", add_line)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
