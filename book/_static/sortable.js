// Tables of class "sortable" sort by a click on a column's head. The script that does it is large, so only pages with such
// a table ask for it. Where no script runs they are plain tables.
{
  const tables = document.querySelectorAll("table.sortable");
  const here = document.currentScript.src;
  const first = (html) => parseFloat(html.replace("−", "-")); // "84.1 ± 0.6" counts as 84.1

  if (tables.length) {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("datatables.css", here) });
    const script = Object.assign(document.createElement("script"), { src: new URL("datatables.js", here) });
    script.onload = async () => {
      const { ITable } = await window.datatables;
      for (const table of tables) {
        new ITable(table, {
          paging: false,
          searching: false,
          info: false,
          autoWidth: false,
          order: [],
          columnDefs: [
            {
              targets: "_all",
              render: (cell, kind) => (kind === "display" || Number.isNaN(first(cell)) ? cell : first(cell)),
            },
          ],
        });
      }
    };
    document.head.append(style, script);
  }
}
