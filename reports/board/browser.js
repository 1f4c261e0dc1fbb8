
// Images: the values of a run are a script of their own, which is loaded when they are shown.

const board = {
  runs: {},
  waiting: {},
  add(id, values) {
    board.runs[id] = values;
    (board.waiting[id] || []).forEach((done) => done(values));
    delete board.waiting[id];
  },
};

function load(run) {
  if (board.runs[run.id]) return Promise.resolve(board.runs[run.id]);
  return new Promise((done) => {
    const first = !board.waiting[run.id];
    (board.waiting[run.id] ||= []).push(done);
    if (!first) return;
    const script = make("script", { src: run.file });
    script.addEventListener("error", () => board.add(run.id, null));
    document.head.append(script);
  });
}

const thumbnail = (name, ending = "webp") => `thumbs/${name.slice(0, 2)}/${name}.${ending}`;

function picture(name, alt, ending) {
  return make("img", { src: thumbnail(name, ending), alt, loading: "lazy", decoding: "async" });
}

function column(name, ...children) {
  return make("div", { class: "column" }, make("p", { class: "name", text: name }), ...children);
}

function browserData() {
  const data = JSON.parse(byId("browser-data").textContent);
  data.places = data.places.map(([id, dataset, sample, bucket, shown]) => ({ id, dataset, sample, bucket, shown, runs: [] }));
  for (const [runs, places] of data.groups) for (const at of places) data.places[at].runs = runs;
  return data;
}

function inputs(place) {
  if (!place.shown) return [column("image", make("p", { class: "why", text: "no image here" }))];
  return [column("image", picture(`${place.id}-image`, `${place.sample}, original`)),
    column("hole", picture(`${place.id}-hole`, `${place.sample} with its hole`))];
}

function detectionText(run, name, detection) {
  const [value, score] = detection;
  const parts = [`${run.metric} ${printed(value, run.digits)}`];
  if (score !== null) parts.push(`score ${printed(score, 3)}`);
  return `${name}: ${parts.join(", ")}`;
}

function heatmap(run, place, painter, name, detection) {
  const words = make("span", { text: detectionText(run, name, detection) });
  const image = detection[2]
    ? [picture(detection[2], `${place.sample}: heatmap of ${name} for ${painter} in ${run.name}`, "jpg")] : [];
  return make("div", { class: "seen" }, ...image, words);
}

// Compare two images of one sample with a slider.

const slider = { choices: [] };

function slide() {
  const share = Number(byId("slider").value);
  byId("after").style.clipPath = `inset(0 0 0 ${share}%)`;
  byId("edge").style.left = `${share}%`;
}

function showPair() {
  const chosen = ["left-image", "right-image"].map((name) => slider.choices[Number(byId(name).value)]);
  for (const [at, name] of [[0, "before"], [1, "after"]]) {
    byId(name).src = thumbnail(chosen[at].name);
    byId(name).alt = chosen[at].label;
  }
  byId("numbers").textContent = chosen.map((one) => one.about).filter(Boolean).join(" | ");
  slide();
}

function openPair(place, right) {
  byId("pair-head").textContent = `${place.sample}, mask ${place.bucket} %`;
  const options = slider.choices.map((one, at) => [String(at), one.label]);
  fillSelect(byId("left-image"), options, "0");
  fillSelect(byId("right-image"), options, String(right));
  byId("slider").value = 50;
  showPair();
  byId("pair").showModal();
  byId("slider").focus();
}

function pairDialog() {
  byId("slider").addEventListener("input", slide);
  byId("left-image").addEventListener("change", showPair);
  byId("right-image").addEventListener("change", showPair);
  byId("close").addEventListener("click", () => byId("pair").close());
}

function outputColumn(run, values, place, at, wanted) {
  const painter = values.painters[at];
  const [image, ...detections] = values.images[place.id][at];
  const shown = values.detectors.map((name, index) => [name, detections[index]])
    .filter(([name, detection]) => detection && wanted(name));
  const parts = shown.map(([name, detection]) => heatmap(run, place, painter, name, detection));
  if (!image) return column(painter, make("p", { class: "why", text: "no image here" }), ...parts);
  const about = `${painter} in ${run.name}: ${shown.map(([name, one]) => detectionText(run, name, one)).join("; ")}`;
  const right = slider.choices.push({ name: image, label: `${painter} (${run.name})`, about }) - 1;
  const open = make("button", { type: "button", class: "open-compare", "aria-label": `Compare ${painter} of ${run.name} with another image of ${place.sample}` },
    picture(image, `${place.sample} inpainted by ${painter} in ${run.name}`));
  open.addEventListener("click", () => openPair(place, right));
  return column(painter, open, ...parts);
}

function runStrip(run, values, place, wanted) {
  const head = make("h2", { text: run.name });
  if (!values) return make("article", { class: "exhibit" }, head, make("p", { text: `${run.file} cannot be loaded.` }));
  if (!values.images[place.id]) return make("article", { class: "exhibit" }, head, make("p", { class: "why", text: "This run has no values of this image here." }));
  const columns = values.painters.map((name, at) => at)
    .filter((at) => wanted.inpainter(values.painters[at]) && values.images[place.id][at].some(Boolean))
    .map((at) => outputColumn(run, values, place, at, wanted.detector));
  return make("article", { class: "exhibit", "data-run": run.id }, head,
    make("p", { class: "hint", text: `${columns.length} inpainted: scroll sideways \u2192` }),
    make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": `${place.sample} in ${run.name}` }, ...columns));
}

// The page of one image.

function checks(box, choices, chosen, changed) {
  const legend = box.querySelector("legend");
  box.replaceChildren(legend, ...choices.map(([value, label]) => {
    const input = make("input", { type: "checkbox", value });
    input.checked = chosen.length === 0 || chosen.includes(value);
    input.addEventListener("change", changed);
    return make("label", {}, input, label);
  }));
  box.classList.toggle("hidden", choices.length < 2);
}

const checked = (box) => [...box.querySelectorAll("input:checked")].map((input) => input.value);
const listOf = (state, name) => (state.get(name) ? state.get(name).split(",").map(decodeURIComponent) : []);
const joined = (values) => values.map(encodeURIComponent).join(",");
const FIRST_RUNS = 2; // shown if the address names none

function imagesPage() {
  const data = browserData();
  const form = byId("filters");
  const field = (name) => form.elements[name];
  const boxes = { runs: byId("choose-runs"), inpainters: byId("choose-inpainters"), detectors: byId("choose-detectors") };
  let turn = 0;

  const fits = (place) => (!field("dataset").value || place.dataset === field("dataset").value)
    && (!field("bucket").value || place.bucket === field("bucket").value);
  const place = () => data.places.find((one) => one.id === field("image").value);

  function fillImages(wanted) {
    const several = new Set(data.places.map((one) => one.dataset)).size > 1;
    fillSelect(field("image"), data.places.filter(fits).map((one) => [one.id,
      `${several ? `${one.dataset}: ` : ""}${one.sample}, ${one.bucket} %`]), wanted);
    field("image").closest("label").classList.remove("hidden");
  }

  function fillRuns(wanted) {
    const here = place().runs.map((at) => data.runs[at]);
    const known = wanted.filter((id) => here.some((run) => run.id === id));
    const chosen = known.length ? known : here.slice(0, FIRST_RUNS).map((run) => run.id);
    checks(boxes.runs, here.map((run) => [run.id, run.name]), chosen, () => show());
  }

  async function show(state = null) {
    turn += 1;
    const own = turn;
    const runs = data.runs.filter((run) => checked(boxes.runs).includes(run.id) || place().runs.length === 1 && data.runs[place().runs[0]] === run);
    byId("shown").textContent = "Loading";
    const values = await Promise.all(runs.map(load));
    if (own !== turn) return; // another choice was made in the meantime
    for (const [name, key] of [["inpainters", "painters"], ["detectors", "detectors"]]) {
      const before = [...boxes[name].querySelectorAll("input")].map((input) => input.value);
      const off = before.filter((value) => !checked(boxes[name]).includes(value));
      const names = [...new Set(values.flatMap((one) => (one ? one[key] : [])))];
      const chosen = state ? listOf(state, name) : names.filter((value) => !off.includes(value));
      checks(boxes[name], names.map((value) => [value, value]), chosen, () => show());
      if (chosen.length && !chosen.some((value) => names.includes(value))) checks(boxes[name], names.map((value) => [value, value]), [], () => show());
    }
    render(runs, values);
  }

  function render(runs, values) {
    const one = place();
    const wanted = {
      inpainter: (name) => checked(boxes.inpainters).includes(name),
      detector: (name) => checked(boxes.detectors).includes(name),
    };
    slider.choices = one.shown ? [{ name: `${one.id}-image`, label: "original", about: "" }] : [];
    byId("same-image").replaceChildren(
      make("article", { class: "exhibit" }, make("h2", { text: `${one.sample}, mask ${one.bucket} %, ${one.dataset}` }),
        make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": "image and hole" }, ...inputs(one))),
      ...runs.map((run, at) => runStrip(run, values[at], one, wanted)));
    byId("shown").textContent = `${runs.length} of ${one.runs.length} runs with this image`;
    const all = (name) => [...boxes[name].querySelectorAll("input")].length === checked(boxes[name]).length;
    writeState({ image: one.id, runs: joined(runs.map((run) => run.id)),
      inpainters: all("inpainters") ? "" : joined(checked(boxes.inpainters)),
      detectors: all("detectors") ? "" : joined(checked(boxes.detectors)) });
  }

  function fromAddress() {
    const state = readState();
    const runs = listOf(state, "runs");
    const having = data.places.find((one) => one.runs.some((at) => runs.includes(data.runs[at].id)));
    const wanted = state.get("image") || (having ? having.id : "");
    const known = data.places.find((one) => one.id === wanted);
    if (known && !fits(known)) { field("dataset").value = ""; field("bucket").value = ""; }
    fillImages(wanted);
    if (state.get("image") && !known) byId("shown").textContent = "No such image on this board.";
    fillRuns(runs);
    show(state);
  }

  function step(by) {
    const options = field("image").options;
    field("image").selectedIndex = (field("image").selectedIndex + by + options.length) % options.length;
    fillRuns(checked(boxes.runs));
    show();
  }

  const distinct = (name) => [["", "all"], ...[...new Set(data.places.map((one) => one[name]))].map((value) => [value, value])];
  fillSelect(field("dataset"), distinct("dataset").length > 2 ? distinct("dataset") : [["", "all"]], "");
  fillSelect(field("bucket"), distinct("bucket").length > 2 ? distinct("bucket") : [["", "all"]], "");
  for (const name of ["dataset", "bucket"]) field(name).addEventListener("change", () => { fillImages(field("image").value); fillRuns(checked(boxes.runs)); show(); });
  field("image").addEventListener("change", () => { fillRuns(checked(boxes.runs)); show(); });
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", fromAddress);
  pairDialog();
  fromAddress();
}
