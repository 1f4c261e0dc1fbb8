
// Board: the state of the filters is in the address after "#", so that a view can be sent.

function readState() {
  return new URLSearchParams(location.hash.slice(1));
}

function writeState(values) {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value) kept.set(name, value);
  const text = `#${kept}`;
  if (text === location.hash || (text === "#" && location.hash === "")) return;
  window.history.replaceState(null, "", text === "#" ? location.pathname + location.search : text);
}

function fillSelect(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value, text })));
  select.value = choices.some(([value]) => value === chosen) ? chosen : choices[0][0];
  const label = select.closest("label");
  if (label) label.classList.toggle("hidden", choices.length < 2);
}

function printed(units, digits) {
  return units === null || units === undefined ? "-" : (units / 10 ** digits).toFixed(digits);
}

const CELL = { value: 0, low: 1, high: 2, null: 3, distance: 4, rank: 5, n: 6, mark: 7, reason: 8, expected: 9 };
const part = (cell, name) => cell[CELL[name]];
const NAMES = ["view", "launder", "dataset", "bucket", "detector", "from", "run", "quality"];

function boardPage() {
  const data = JSON.parse(byId("board-data").textContent);
  const form = byId("filters");
  const field = (name) => form.elements[name];

  const section = () => data.sections.find((one) => one.id === field("section").value);
  const all = (text) => [["", text]];

  function fillFilters(state) {
    const one = section();
    const named = (names) => names.map((name) => [name, name]);
    const runs = [...new Set(one.rows.flatMap((row) => row.runs))].sort((a, b) => a - b);
    const weights = [...new Set(one.rows.map((row) => row.from))];
    const detectors = one.columns.map((column) => [column.id, column.name]);
    const some = (text, choices) => (choices.length > 1 ? [...all(text), ...choices] : all(text));
    fillSelect(field("launder"), one.launders.map((name) => [name, name || "none"]), state.get("launder"));
    fillSelect(field("dataset"), some("all", named(one.datasets)), state.get("dataset"));
    fillSelect(field("bucket"), some("all", one.buckets.map((name) => [name, `${name} %`])), state.get("bucket"));
    fillSelect(field("detector"), some("all", detectors), state.get("detector"));
    fillSelect(field("from"), some("all", named(weights)), state.get("from"));
    fillSelect(field("run"), some("all", runs.map((at) => [data.runs[at].id, data.runs[at].name])), state.get("run"));
    fillSelect(field("quality"), one.quality.length ? one.quality.map((quality) => [quality.id, quality.name]) : all("none"), state.get("quality"));
    field("view").value = state.get("view") === "pareto" ? "pareto" : "";
    field("find").value = state.get("find") || "";
  }

  function view() {
    const one = section();
    const scope = one.scopes[[field("launder").value, field("dataset").value, field("bucket").value].join("|")];
    const wanted = field("find").value.trim().toLowerCase();
    const run = data.runs.findIndex((item) => item.id === field("run").value);
    const rows = one.rows.map((row, at) => at).filter((at) => {
      const row = one.rows[at];
      return (!wanted || row.name.toLowerCase().includes(wanted))
        && (!field("from").value || row.from === field("from").value)
        && (run < 0 || row.runs.includes(run));
    });
    const only = field("detector").value;
    const columns = one.columns.map((column, at) => at).filter((at) => only === "" || only === one.columns[at].id);
    return { one, scope, rows, columns, data };
  }

  function show() {
    const found = view();
    const pareto = field("view").value === "pareto";
    byId("board").hidden = pareto;
    byId("pareto").hidden = !pareto;
    for (const label of form.querySelectorAll(".pareto-only")) label.classList.toggle("hidden", !pareto);
    if (pareto) showPareto(found, found.one.quality.findIndex((one) => one.id === field("quality").value));
    else showTable(found);
    byId("shown").textContent = `${found.rows.length} of ${found.one.rows.length} rows`;
    byId("board-counts").replaceChildren(...found.columns.map((at) => make("li", {},
      make("a", { href: found.one.columns[at].page, text: found.one.columns[at].name }),
      `: ${found.scope.counts[at]}`)));
    const values = { section: field("section").selectedIndex > 0 ? field("section").value : "" };
    for (const name of [...NAMES, "find"]) values[name] = field(name).value;
    if (!pareto || field("quality").selectedIndex < 1) values.quality = "";
    writeState(values);
  }

  function fromAddress() {
    const state = readState();
    const wanted = state.get("section");
    field("section").value = data.sections.some((one) => one.id === wanted) ? wanted : data.sections[0].id;
    fillFilters(state);
    show();
  }

  form.addEventListener("change", (event) => {
    if (event.target === field("section")) fillFilters(new URLSearchParams({ view: field("view").value }));
    show();
  });
  field("find").addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", () => {
    if (field("view").value === "pareto" && FRAME.width !== chartWidth()) show();
  });
  window.addEventListener("hashchange", () => {
    if (readState().size || location.hash === "") fromAddress();
  });
  field("section").closest("label").classList.toggle("hidden", data.sections.length < 2);
  fromAddress();
}

// Table: in the order of the ranks with the first detector shown, until a heading is pressed. Few
// rows are made at first, as a table of thousands takes long.

const FIRST_ROWS = 100;
const tableOrder = { head: "", ascending: true, all: false };

function rankKey(found, row) {
  const cell = found.columns.length ? found.scope.rows[row][found.columns[0]] : [];
  if (part(cell, "value") === null || !cell.length) return 2e9 + row;
  return part(cell, "rank") || 1e9 + (part(cell, "distance") ?? 0);
}

function sortedRows(found, heads) {
  const head = heads.find((one) => one.text === tableOrder.head);
  const key = head ? head.key : (row) => rankKey(found, row);
  const sign = head && !tableOrder.ascending ? -1 : 1;
  const keyed = found.rows.map((row) => [key(row) ?? null, row]);
  keyed.sort((a, b) => compare(a[0], b[0], sign) || a[1] - b[1]);
  return keyed.map(([, row]) => row);
}

function detectorCell(one, cell) {
  const digits = one.digits;
  const reason = one.reasons[part(cell, "reason")] || "";
  const element = make("td");
  if (part(cell, "value") === null) {
    element.className = "unranked";
    element.append("-", make("small", { text: reason || "no number" }));
    return element;
  }
  const mark = part(cell, "mark") || "";
  element.append(`${printed(part(cell, "value"), digits)}${mark}`);
  const low = part(cell, "low");
  if (low !== null) {
    element.append(make("small", { text: `[${printed(low, digits)}, ${printed(part(cell, "high"), digits)}]` }));
  }
  if (part(cell, "null") !== null) element.append(make("small", { text: `null ${printed(part(cell, "null"), digits)}` }));
  const rank = part(cell, "rank");
  element.append(rank ? make("small", { class: "rank", text: `rank ${rank}` })
    : make("small", { text: `not ranked: ${reason}` }));
  if (!rank) element.classList.add("unranked");
  return element;
}

function images(scope, at, columns) {
  const cells = columns.map((column) => scope.rows[at][column]).filter((cell) => part(cell, "n"));
  if (!cells.length) return "-";
  const least = cells.reduce((a, b) => (part(b, "n") < part(a, "n") ? b : a));
  const expected = part(least, "expected") ?? part(least, "n");
  return expected === part(least, "n") ? String(expected) : `${part(least, "n")} of ${expected}`;
}

function nameCell(row) {
  const head = make("th", { scope: "row" }, make("a", { href: row.page, text: row.name }));
  if (row.twice) head.append(make("span", { class: "board-mark", text: " *", title: "with other weights, too" }));
  if (row.differs) head.append(make("span", { class: "board-mark", text: " \u2260", title: "its runs differ, see below" }));
  return head;
}

function runsCell(data, row) {
  const first = data.runs[row.runs[0]];
  const cell = make("td", {}, make("a", { href: first.page, text: first.name }));
  const more = row.runs.length - 1;
  if (more) cell.append(make("small", { text: `and ${more} more`, title: row.runs.map((at) => data.runs[at].name).join(", ") }));
  return cell;
}

function tableHeads(found) {
  const { one, scope, columns, data } = found;
  const cell = (row, column, name) => part(scope.rows[row][column], name);
  return [
    { text: "inpainter", key: (row) => one.rows[row].name },
    ...columns.map((at) => ({ text: one.columns[at].name, key: (row) => cell(row, at, "distance") })),
    ...one.quality.map((quality, at) => ({ text: quality.name, key: (row) => scope.quality[row][at] })),
    { text: "images", key: (row) => (columns.length ? cell(row, columns[0], "n") : 0) },
    { text: "weights", key: (row) => one.rows[row].weights },
    ...(one.rows.some((row) => row.proof) ? [{ text: "checked", key: (row) => one.rows[row].proof }] : []),
    { text: "run", key: (row) => data.runs[one.rows[row].runs[0]].name },
  ];
}

function tableHead(found, heads) {
  return make("thead", {}, make("tr", {}, ...heads.map((head, at) => {
    const button = make("button", { type: "button", text: head.text });
    const element = make("th", { scope: "col", ...(at ? {} : { class: "names" }) }, button);
    if (head.text === tableOrder.head) element.setAttribute("aria-sort", tableOrder.ascending ? "ascending" : "descending");
    button.addEventListener("click", () => {
      tableOrder.ascending = tableOrder.head !== head.text || !tableOrder.ascending;
      tableOrder.head = head.text;
      showTable(found);
      byId("board").querySelectorAll("th[scope=col] button")[at].focus();
    });
    return element;
  })));
}

function tableRow(found, at) {
  const { one, scope, columns, data } = found;
  const row = one.rows[at];
  const proof = one.rows.some((other) => other.proof) ? [make("td", { text: row.proof || "-" })] : [];
  return make("tr", {}, nameCell(row),
    ...columns.map((column) => detectorCell(one, scope.rows[at][column])),
    ...one.quality.map((quality, place) => make("td", { text: printed(scope.quality[at][place], quality.digits) })),
    make("td", { text: images(scope, at, columns) }), make("td", { text: row.weights }), ...proof, runsCell(data, row));
}

function showTable(found) {
  const heads = tableHeads(found);
  const rows = sortedRows(found, heads);
  const shown = tableOrder.all ? rows : rows.slice(0, FIRST_ROWS);
  const body = make("tbody", {}, ...shown.map((at) => tableRow(found, at)));
  const table = make("table", {}, make("caption", { text: found.one.title }), tableHead(found, heads), body);
  const frame = make("figure", { class: "paper-table", tabindex: "0", role: "region", "aria-label": found.one.title }, table);
  byId("board").replaceChildren(frame);
  if (shown.length < rows.length) {
    const button = make("button", { type: "button", id: "all-rows", text: `Show all ${rows.length} rows` });
    button.addEventListener("click", () => { tableOrder.all = true; showTable(found); });
    byId("board").append(button);
  }
}
