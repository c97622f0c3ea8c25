// Makes the scoreboard sortable and searchable. Without this script it is a plain table with all its rows.
window.datatables.then(({ ITable }) => {
  new ITable(document.getElementById("claims"), {
    paging: false,
    autoWidth: false,
    order: [],
    ordering: { indicators: false, handler: false },
    columnControl: ["order", "searchDropdown"],
    layout: { topStart: "info", topEnd: "search", bottomStart: null, bottomEnd: null },
    language: { info: "_TOTAL_ claims", infoFiltered: "(of _MAX_)", search: "Search all columns:" },
  });
});
