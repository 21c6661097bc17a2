"use strict";
const {columns, rows, texts} = JSON.parse(document.getElementById("data").textContent);
const SHOWN = 200;
const byId = (id) => document.getElementById(id);
const make = (tag, text, parent) => {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
};
const folds = columns.map((column) => column.kind === "folded");
const text = (cell, place) => cell === null ? "" : folds[place] ? texts[cell] : String(cell);
const said = (cell) => cell === null ? "–" : typeof cell === "number" ? cell.toPrecision(3) : cell;
const controls = [];
let order = null;

columns.forEach((column, place) => {
  if (column.kind === "choice") {
    const label = make("label", column.name + " ", byId("controls"));
    const select = make("select", "", label);
    select.dataset.testid = column.name;
    controls.push({place, select, matches: (row) => select.value === "" || row[place] === column.values[Number(select.value)]});
  } else if (column.kind === "number") {
    const label = make("label", column.name + " from ", byId("controls"));
    const [from, to] = ["from", "to"].map((end) => {
      if (end === "to") label.append(" to ");
      const input = make("input", "", label);
      input.type = "number";
      input.step = "any";
      input.dataset.testid = column.name + " " + end;
      return input;
    });
    controls.push({place, inputs: [from, to], matches: (row) => {
      if (from.value === "" && to.value === "") return true;
      const value = row[place];
      return value !== null && (from.value === "" || value >= Number(from.value)) && (to.value === "" || value <= Number(to.value));
    }});
  }
  if (column.kind === "note" || folds[place]) return;
  const head = make("th", "", byId("head"));
  const sort = make("button", column.name, head);
  sort.addEventListener("click", () => {
    order = {place, down: order !== null && order.place === place && !order.down};
    show();
  });
});
const words = byId("words");
controls.push({place: null, matches: (row) => {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return true;
  const whole = row.map(text).join("\n").toLowerCase();
  return wanted.every((word) => whole.includes(word));
}});

const compare = (a, b) => {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const found = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return order.down ? -found : found;
};
const count = (control) => {
  const others = rows.filter((row) => controls.every((one) => one === control || one.matches(row)));
  const counts = new Map();
  others.forEach((row) => counts.set(row[control.place], (counts.get(row[control.place]) || 0) + 1));
  const chosen = control.select.value;
  control.select.replaceChildren();
  make("option", `all (${others.length.toLocaleString("en")})`, control.select).value = "";
  columns[control.place].values.forEach((value, number) => {
    const n = (counts.get(value) || 0).toLocaleString("en");
    make("option", `${value === null ? "–" : value} (${n})`, control.select).value = String(number);
  });
  control.select.value = chosen;
};
const unfold = (row, body, width) => {
  const cell = make("td", "", make("tr", "", body));
  cell.colSpan = width;
  const details = make("details", "", cell);
  make("summary", columns[folds.indexOf(true)].name + ", …", details);
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const list = make("dl", "", details);
    columns.forEach((column, place) => {
      if (!folds[place]) return;
      make("dt", column.name, list);
      make("dd", row[place] === null ? "–" : texts[row[place]], list);
    });
  });
};
const show = () => {
  const found = rows.filter((row) => controls.every((control) => control.matches(row)));
  if (order !== null) found.sort((a, b) => compare(a[order.place], b[order.place]));
  controls.filter((control) => control.select).forEach(count);
  const body = byId("body");
  body.replaceChildren();
  found.slice(0, SHOWN).forEach((row) => {
    const line = make("tr", "", body);
    row.forEach((cell, place) => {
      if (columns[place].kind !== "note" && !folds[place]) make("td", said(cell), line);
    });
    row.forEach((cell, place) => {
      if (columns[place].kind === "note") make("td", said(cell), make("tr", "", body)).colSpan = line.children.length;
    });
    if (folds.includes(true)) unfold(row, body, line.children.length);
  });
  const first = found.length > SHOWN ? `, the first ${SHOWN} shown` : "";
  byId("found").textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}${first}`;
};
byId("controls").addEventListener("input", show);
words.addEventListener("input", show);
byId("reset").addEventListener("click", () => {
  controls.forEach((control) => {
    if (control.select) control.select.value = "";
    (control.inputs || []).forEach((input) => { input.value = ""; });
  });
  words.value = "";
  order = null;
  show();
});
show();
