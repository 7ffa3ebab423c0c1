"use strict";
// Sorts tables, filters the long ones, and shows what lies under the pointer in the treemap.
// Texts are only ever set as text.
(() => {
  const UNITS = {
    ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400,
    B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15, EB: 1e18,
  };
  const LONG = 20;  // rows

  // The number that a cell shows: "1.5 GB", "2m 05s", "12%", "1,234"; or else null.
  function value(text) {
    if (text === "-" || text === "") return -Infinity;
    const plain = text.trim().replace(/^</, "").replace(/,/g, "");
    if (!/^-?[\d.]+( ?[a-zA-Z%]+)?( \d+[hms])?$/.test(plain)) return null;
    let sum = 0;
    for (const [, number, unit] of plain.matchAll(/([\d.]+) ?([a-zA-Z]*)/g)) {
      if (unit && !(unit in UNITS)) return null;
      sum += Number(number) * (UNITS[unit] || 1);
    }
    return plain.startsWith("-") ? -sum : sum;
  }

  function sort(table, column, head) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => {
      const text = row.cells[column].textContent.trim();
      return { row, text, number: value(text) };
    });
    const numeric = rows.every((one) => one.number !== null);
    const now = head.getAttribute("aria-sort");
    // Numbers begin with the largest one, names with the first one.
    const down = now ? now === "ascending" : numeric;
    const order = numeric ? (a, b) => a.number - b.number || 0
      : (a, b) => a.text.localeCompare(b.text, "en", { numeric: true });
    rows.sort((a, b) => (down ? -1 : 1) * order(a, b));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map((one) => one.row));
  }

  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(table, column, head));
      head.replaceChildren(button);
    });
    if (table.tBodies[0].rows.length < LONG) continue;
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "Filter rows";
    filter.setAttribute("aria-label", `Filter rows of: ${table.caption.textContent}`);
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      }
    });
    table.parentElement.before(filter);
  }

  // A title of a whole picture would pop up wherever the pointer is.
  for (const picture of document.querySelectorAll("svg[role=img]")) {
    const title = picture.querySelector(":scope > title");
    picture.setAttribute("aria-label", title.textContent);
    picture.setAttribute("aria-describedby", picture.querySelector(":scope > desc").id);
    picture.removeAttribute("aria-labelledby");
    title.remove();
  }

  const map = document.getElementById("map");
  if (!map) return;
  const hover = document.createElement("div");
  hover.id = "hover";
  hover.hidden = true;
  document.body.append(hover);

  const rowOf = (tile) => tile.dataset.r && document.getElementById(tile.dataset.r);

  function line(name, text) {
    const made = document.createElement("div");
    if (name) made.append(`${name}: `);
    const said = document.createElement(name ? "span" : "b");
    said.textContent = text;
    made.append(said);
    return made;
  }

  function describe(tile) {
    const lines = [];
    const row = rowOf(tile);
    if (row) {
      const heads = row.closest("table").tHead.rows[0].cells;
      [...row.cells].forEach((cell, number) => {
        const text = cell.textContent.trim();
        const name = number || tile.dataset.r.startsWith("l") ? heads[number].textContent : "";
        if (text && text !== "-") lines.push(line(name, text));
      });
    }
    if (tile.dataset.n) {
      const entries = `${Number(tile.dataset.n).toLocaleString("en")} entries not drawn one by one`;
      lines.unshift(line("", tile.dataset.n === "1" ? "1 smaller entry" : entries));
    }
    hover.replaceChildren(...lines);
  }

  map.addEventListener("pointermove", (event) => {
    const tile = event.target.closest("rect[data-r], rect[data-n]");
    hover.hidden = !tile;
    if (!tile) return;
    describe(tile);
    const { innerWidth, innerHeight } = window;
    const { offsetWidth, offsetHeight } = hover;
    const left = Math.min(event.clientX + 14, innerWidth - offsetWidth - 8);
    const below = event.clientY + 18;
    const top = below + offsetHeight > innerHeight ? event.clientY - offsetHeight - 10 : below;
    hover.style.left = `${Math.max(left, 4)}px`;
    hover.style.top = `${Math.max(top, 4)}px`;
  });
  map.addEventListener("pointerleave", () => { hover.hidden = true; });
  map.addEventListener("click", (event) => {
    const tile = event.target.closest("rect[data-r]");
    const row = tile && rowOf(tile);
    if (!row) return;
    const details = row.closest("details");
    if (details) details.open = true;
    row.tabIndex = -1;
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
  });
})();
