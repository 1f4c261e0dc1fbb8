"use strict";
// No text of a user ever becomes markup here: everything is set through textContent.

const byId = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Light and dark: the reader's system decides until they press the button.

const THEMES = ["auto", "light", "dark"];

function remembered() {
  try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; }
}

function wear(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  try { localStorage.setItem("theme", theme); } catch { /* a file may have no storage */ }
}

byId("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme || "auto";
  wear(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
});
wear(THEMES.includes(remembered()) ? remembered() : "auto");

// Tables: a heading is a button; rows are sorted within their group, gaps last either way.

function keyOf(cell) {
  const stated = cell.dataset.value;
  if (stated !== undefined) return stated === "" ? null : Number(stated);
  const text = cell.textContent.trim();
  if (text === "" || text === "-") return null;
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return sign * order;
}

function sortBy(table, heads, column) {
  const ascending = heads[column].getAttribute("aria-sort") !== "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
  for (const body of table.tBodies) {
    const rows = [...body.rows].map((row) => [keyOf(row.cells[column]), row]);
    rows.sort((a, b) => compare(a[0], b[0], ascending ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  }
}

for (const table of document.querySelectorAll(".paper-table table")) {
  const heads = [...table.querySelectorAll('thead th[scope="col"]')];
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" });
    button.append(...head.childNodes);
    head.append(button);
    const first = table.tBodies[0] && table.tBodies[0].rows[0];
    if (first && first.cells[column].tagName === "TH") head.classList.add("names");
    button.addEventListener("click", () => sortBy(table, heads, column));
  });
  const frame = table.parentElement;
  frame.tabIndex = 0; // what scrolls sideways can be reached by keyboard
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", table.caption ? table.caption.textContent : "table");
}

// Plots: a legend's button hides its inpainter in all panels beneath it.

for (const legend of document.querySelectorAll(".legend")) {
  legend.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    const place = legend.parentElement.querySelector(".panels");
    for (const group of place.querySelectorAll(`g[data-series="${button.dataset.series}"]`)) {
      group.classList.toggle("off", !shown);
    }
  });
}

// Gallery: drawn a few pictures at a time, as they come into view.

const STEP = 6;

function gallery() {
  const data = JSON.parse(byId("gallery-data").textContent);
  const form = byId("filters");
  let chosen = [];
  let drawn = 0;

  const value = (name) => (form.elements[name] ? form.elements[name].value : "");
  const wanted = (name, found) => !value(name) || value(name) === found;

  function looks(exhibit) {
    return exhibit.paintings
      .filter((painting) => wanted("inpainter", painting.inpainter))
      .flatMap((painting) => painting.looks)
      .filter((look) => wanted("detector", look.detector) && look.value !== null)
      .map((look) => look.value);
  }

  function hiding(exhibit) {
    const found = looks(exhibit);
    return found.length ? found.reduce((sum, one) => sum + one, 0) / found.length : null;
  }

  function choose() {
    const order = value("order");
    const sign = (data.better === "lower" ? 1 : -1) * (order === "found" ? -1 : 1);
    chosen = data.exhibits
      .filter((one) => wanted("dataset", one.dataset) && wanted("bucket", one.bucket))
      .map((one) => ({ one, rank: hiding(one) }));
    const named = (a, b) => a.one.sample.localeCompare(b.one.sample, "en", { numeric: true })
      || a.one.bucket.localeCompare(b.one.bucket);
    chosen.sort((a, b) => (order === "name" ? 0 : compare(a.rank, b.rank, sign)) || named(a, b));
    drawn = 0;
    byId("exhibits").replaceChildren();
    byId("shown").textContent = `${chosen.length} of ${data.exhibits.length} images`;
    more();
  }

  function more() {
    const next = chosen.slice(drawn, drawn + STEP);
    byId("exhibits").append(...next.map(draw));
    drawn += next.length;
    byId("more").hidden = drawn >= chosen.length;
  }

  function picture(index, alt) {
    return make("img", { src: data.pictures[index], alt, loading: "lazy", decoding: "async" });
  }

  function column(name, ...children) {
    return make("div", { class: "column" }, make("p", { class: "name", text: name }), ...children);
  }

  function seen(exhibit, painting, look) {
    const text = `${data.names[look.detector]}: ${look.text}`;
    const alt = `${exhibit.sample}: what ${look.detector} saw in the picture by ${painting.inpainter}`;
    return make("div", { class: "seen" }, picture(look.heatmap, alt), make("span", { text }));
  }

  function painted(exhibit, painting) {
    const label = `Compare ${painting.inpainter} with the original of ${exhibit.sample}`;
    const open = make("button", { type: "button", class: "open-compare", "aria-label": label },
      picture(painting.picture, `${exhibit.sample} painted by ${painting.inpainter}`));
    open.addEventListener("click", () => show(exhibit, painting));
    const visible = painting.looks.filter((look) => wanted("detector", look.detector));
    return column(data.names[painting.inpainter], open,
      ...visible.map((look) => seen(exhibit, painting, look)));
  }

  function draw({ one, rank }) {
    const where = one.dataset ? `${one.dataset}: ` : "";
    const mean = rank === null ? "" : `, mean ${data.metric} ${rank.toFixed(data.digits)}`;
    const title = `${where}${one.sample}, hole ${one.bucket} %${mean}`;
    const shown = one.paintings.filter((painting) => wanted("inpainter", painting.inpainter));
    const strip = make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": title },
      column("image", picture(one.original, `${one.sample}, original`)),
      column("hole", picture(one.hole, `${one.sample} with its hole`)),
      ...shown.map((painting) => painted(one, painting)));
    return make("article", { class: "exhibit", "data-sample": one.sample, "data-bucket": one.bucket },
      make("h3", { text: title }),
      make("p", { class: "hint", text: `${shown.length} inpainted beside it: scroll sideways \u2192` }),
      strip);
  }

  // The slider: the original to its left, the painted picture to its right.

  function slide() {
    const share = Number(byId("slider").value);
    byId("after").style.clipPath = `inset(0 0 0 ${share}%)`;
    byId("edge").style.left = `${share}%`;
  }

  function show(exhibit, painting) {
    const full = (name, small) => (exhibit.full ? `${exhibit.full}/${name}.png` : small);
    byId("compare-head").textContent = `${exhibit.sample}, hole ${exhibit.bucket} %`;
    byId("before").src = full("original", data.pictures[exhibit.original]);
    byId("before").alt = `${exhibit.sample}, original`;
    const file = painting.inpainter.replaceAll(":", "-"); // as --save-images writes it
    byId("after").src = full(encodeURIComponent(file), data.pictures[painting.picture]);
    byId("after").alt = `${exhibit.sample} painted by ${painting.inpainter}`;
    byId("painted-by").textContent = data.names[painting.inpainter];
    byId("numbers").textContent = painting.looks
      .map((look) => `${data.names[look.detector]}: ${look.text}`).join("; ");
    byId("slider").value = 50;
    slide();
    byId("compare").showModal();
    byId("slider").focus();
  }

  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", more);
  byId("slider").addEventListener("input", slide);
  byId("close").addEventListener("click", () => byId("compare").close());
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && drawn < chosen.length) more();
  }, { rootMargin: "400px" }).observe(byId("more"));
  choose();
}

if (byId("exhibits")) gallery();
