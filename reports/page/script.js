"use strict";
// User text never becomes markup: it is always set through textContent.

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

// Theme: follows the system until the button is pressed.

const THEMES = ["auto", "light", "dark"];

function storedTheme() {
  try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; }
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  try { localStorage.setItem("theme", theme); } catch { /* a file page may have no storage */ }
}

byId("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme || "auto";
  setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
});
setTheme(THEMES.includes(storedTheme()) ? storedTheme() : "auto");

// Tables: headings are buttons; rows are sorted within their group, gaps always last.

function sortKey(cell) {
  const exact = cell.dataset.value;
  if (exact !== undefined) return exact === "" ? null : Number(exact);
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
    const rows = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
    rows.sort((a, b) => compare(a[0], b[0], ascending ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  }
}

function makeSortable(table) {
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
  frame.tabIndex = 0; // makes horizontal scrolling available to the keyboard
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", table.caption ? table.caption.textContent : "table");
}

document.querySelectorAll(".paper-table table").forEach(makeSortable);

// Plots: a legend button hides its inpainter in all panels of the group.

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

// Gallery: samples are rendered a few at a time, as they come into view.

const STEP = 6;

function gallery() {
  const data = JSON.parse(byId("gallery-data").textContent);
  const form = byId("filters");
  let chosen = [];
  let rendered = 0;

  const value = (name) => (form.elements[name] ? form.elements[name].value : "");
  const wanted = (name, found) => !value(name) || value(name) === found;

  function values(sample) {
    return sample.outputs
      .filter((output) => wanted("inpainter", output.inpainter))
      .flatMap((output) => output.detections)
      .filter((detection) => wanted("detector", detection.detector) && detection.value !== null)
      .map((detection) => detection.value);
  }

  function meanValue(sample) {
    const found = values(sample);
    return found.length ? found.reduce((sum, one) => sum + one, 0) / found.length : null;
  }

  function choose() {
    const order = value("order");
    const sign = (data.better === "lower" ? 1 : -1) * (order === "found" ? -1 : 1);
    chosen = data.samples
      .filter((one) => wanted("dataset", one.dataset) && wanted("bucket", one.bucket))
      .filter((one) => !data.forgeries || wanted("inpainter", one.outputs[0].inpainter))
      .map((one) => ({ one, mean: meanValue(one) }));
    const named = (a, b) => a.one.sample.localeCompare(b.one.sample, "en", { numeric: true })
      || a.one.bucket.localeCompare(b.one.bucket);
    chosen.sort((a, b) => (order === "name" ? 0 : compare(a.mean, b.mean, sign)) || named(a, b));
    rendered = 0;
    byId("exhibits").replaceChildren();
    byId("shown").textContent = `${chosen.length} of ${data.samples.length} images`;
    more();
  }

  function more() {
    const next = chosen.slice(rendered, rendered + STEP);
    byId("exhibits").append(...next.map(render));
    rendered += next.length;
    byId("more").hidden = rendered >= chosen.length;
  }

  function image(index, alt) {
    return make("img", { src: data.images[index], alt, loading: "lazy", decoding: "async" });
  }

  function column(name, ...children) {
    return make("div", { class: "column" }, make("p", { class: "name", text: name }), ...children);
  }

  function heatmap(sample, output, detection) {
    const text = `${data.names[detection.detector]}: ${detection.text}`;
    const alt = `${sample.sample}: heatmap of ${detection.detector} for the output of ${output.inpainter}`;
    return make("div", { class: "seen" }, image(detection.heatmap, alt), make("span", { text }));
  }

  function inpainted(sample, output) {
    const label = `Compare ${output.inpainter} with the original of ${sample.sample}`;
    const open = make("button", { type: "button", class: "open-compare", "aria-label": label },
      image(output.image, `${sample.sample} inpainted by ${output.inpainter}`));
    open.addEventListener("click", () => show(sample, output));
    const visible = output.detections.filter((one) => wanted("detector", one.detector));
    return column(data.names[output.inpainter], open,
      ...visible.map((detection) => heatmap(sample, output, detection)));
  }

  // A forgery: its image and truth, and the heatmap of each detector.

  function forgery(one, title) {
    const found = one.outputs[0].detections.filter((detection) => wanted("detector", detection.detector));
    const strip = make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": title },
      column("image", image(one.original, `${one.sample}, image`)),
      column(one.truth, image(one.hole, `${one.sample}: ${one.truth}`)),
      ...found.map((detection) => column(data.names[detection.detector],
        heatmap(one, one.outputs[0], detection))));
    return make("article", { class: "exhibit", "data-sample": one.sample, "data-bucket": one.bucket },
      make("h3", { text: title }), strip);
  }

  function render({ one, mean }) {
    const dataset = one.dataset ? `${one.dataset}: ` : "";
    const score = mean === null ? "" : `, mean ${data.metric} ${mean.toFixed(data.digits)}`;
    if (data.forgeries) return forgery(one, `${one.sample}, ${one.about}${score}`);
    const title = `${dataset}${one.sample}, mask ${one.bucket} %${score}`;
    const shown = one.outputs.filter((output) => wanted("inpainter", output.inpainter));
    const strip = make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": title },
      column("image", image(one.original, `${one.sample}, original`)),
      column("hole", image(one.hole, `${one.sample} with its hole`)),
      ...shown.map((output) => inpainted(one, output)));
    return make("article", { class: "exhibit", "data-sample": one.sample, "data-bucket": one.bucket },
      make("h3", { text: title }),
      make("p", { class: "hint", text: `${shown.length} inpainted: scroll sideways \u2192` }),
      strip);
  }

  // Slider: the original on the left, the inpainted image on the right.

  function slide() {
    const share = Number(byId("slider").value);
    byId("after").style.clipPath = `inset(0 0 0 ${share}%)`;
    byId("edge").style.left = `${share}%`;
  }

  function show(sample, output) {
    const full = (name, small) => (sample.full ? `${sample.full}/${name}.png` : small);
    byId("compare-head").textContent = `${sample.sample}, mask ${sample.bucket} %`;
    byId("before").src = full("original", data.images[sample.original]);
    byId("before").alt = `${sample.sample}, original`;
    const file = output.inpainter.replaceAll(":", "-"); // as named by --save-images
    byId("after").src = full(encodeURIComponent(file), data.images[output.image]);
    byId("after").alt = `${sample.sample} inpainted by ${output.inpainter}`;
    byId("painted-by").textContent = data.names[output.inpainter];
    byId("numbers").textContent = output.detections
      .map((one) => `${data.names[one.detector]}: ${one.text}`).join("; ");
    byId("slider").value = 50;
    slide();
    byId("compare").showModal();
    byId("slider").focus();
  }

  form.addEventListener("change", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", more);
  if (byId("compare")) {
    byId("slider").addEventListener("input", slide);
    byId("close").addEventListener("click", () => byId("compare").close());
  }
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && rendered < chosen.length) more();
  }, { rootMargin: "400px" }).observe(byId("more"));
  choose();
}

if (byId("exhibits")) gallery();
