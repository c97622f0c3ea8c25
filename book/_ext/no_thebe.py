"""Takes the scripts of thebe off every page.

Jupyter Book loads sphinx-thebe even where live code is switched off. Its scripts declare the same constant twice, which
is an error in the console of every page, and they would fetch a library from another site.
"""


def drop(app, pagename, templatename, context, doctree):
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in (str(script) + str(getattr(script, "attributes", ""))).lower()
    ]


def setup(app):
    app.connect("html-page-context", drop, priority=900)  # after everybody who adds scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
