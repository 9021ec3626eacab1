"use strict";
// A click on the head of a column sorts its table by it, a second one the other way round.
const value = (cell) => cell.textContent.trim();
const number = (text) => parseFloat(text.replace(/\u2212/g, "-"));
const compare = (a, b) => {
  const [x, y] = [number(a), number(b)];
  if (isNaN(x) && isNaN(y)) return a.localeCompare(b);
  return isNaN(x) ? 1 : isNaN(y) ? -1 : x - y;
};
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [x, y] = [value(a.cells[column]), value(b.cells[column])];
        if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1); // empty cells stay below
        const numeric = head.classList.contains("number");
        const order = numeric ? compare(x, y) : x.localeCompare(y);
        return down ? -order : order;
      });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      table.tBodies[0].append(...rows);
    });
  });
}
