"use strict";
for (const select of document.querySelectorAll("select[data-layers]")) {
  const layers = document.getElementById(select.dataset.layers).querySelectorAll("[data-layer]");
  const show = () => { for (const layer of layers) layer.hidden = layer.dataset.layer !== select.value; };
  select.addEventListener("change", show);
  show();
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const key = (row, k) => {
    const cell = row.cells[k];
    return "v" in cell.dataset ? (cell.dataset.v === "" ? null : Number(cell.dataset.v)) : cell.textContent;
  };
  const order = (a, b) => typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
  heads.forEach((head, k) => head.querySelector("button").addEventListener("click", () => {
    // Numbers are first sorted from the largest, words from A.
    const first = head.classList.contains("n") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const next = head.getAttribute("aria-sort") === first ? other : first;
    const sign = next === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [key(row, k), row]);
    // Cells without a value stay at the end, whichever way.
    rows.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : sign * order(a, b));
    body.append(...rows.map(([, row]) => row));
    heads.forEach((h) => h.setAttribute("aria-sort", h === head ? next : "none"));
  }));
}
