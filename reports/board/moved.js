
// What moved between two runs: every image, inpainter and detector that both have, by the change.

const MOVED_STEP = 12;

function movedEntries(data, runs, values) {
  const [first, second] = runs;
  const found = [];
  let alone = 0;
  for (const place of data.places) {
    const [one, other] = values.map((value) => value.images[place.id]);
    if (!one || !other) {
      if (one || other) alone += 1;
      continue;
    }
    values[0].painters.forEach((painter, at) => {
      const there = values[1].painters.indexOf(painter);
      if (there < 0) return;
      values[0].detectors.forEach((detector, index) => {
        const opposite = values[1].detectors.indexOf(detector);
        const a = one[at][1 + index];
        const b = opposite < 0 ? 0 : other[there][1 + opposite];
        if (!a || !b || a[0] === null || b[0] === null) return;
        found.push({ place, painter, detector, a, b, change: b[0] - a[0],
          outputs: [one[at][0], other[there][0]], runs: [first, second] });
      });
    });
  }
  found.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  return { found, alone };
}

function signed(units, digits) {
  return `${units > 0 ? "+" : ""}${printed(units, digits)}`;
}

function movedExhibit(one) {
  const [first, second] = one.runs;
  const digits = first.digits;
  const address = new URLSearchParams({ image: one.place.id, runs: joined(one.runs.map((run) => run.id)), inpainters: joined([one.painter]) });
  const title = make("h2", {}, `${one.place.sample}, mask ${one.place.bucket} %: ${one.painter} on ${one.detector} `,
    make("span", { class: "change", text: `${signed(one.change, digits)}` }),
    ` (${printed(one.a[0], digits)} to ${printed(one.b[0], digits)}) `,
    make("a", { href: `images.html#${address}`, text: "side by side" }));
  const side = (run, image, detection, at) => [
    column(`${at}: output`, ...(image ? [picture(image, `${one.place.sample} inpainted by ${one.painter} in ${run.name}`)] : [make("p", { class: "why", text: "no image here" })])),
    column(`${at}: heatmap`, heatmap(run, one.place, one.painter, one.detector, detection)),
  ];
  return make("article", { class: "exhibit" }, title,
    make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": `${one.place.sample}, both runs` },
      ...inputs(one.place), ...side(first, one.outputs[0], one.a, "first"), ...side(second, one.outputs[1], one.b, "second")));
}

function movedPage() {
  const data = browserData();
  const form = byId("filters");
  const field = (name) => form.elements[name];
  let shown = [];
  let rendered = 0;
  let turn = 0;

  const partners = (at) => [...new Set(data.places.filter((one) => one.runs.includes(at)).flatMap((one) => one.runs))].filter((other) => other !== at);
  const index = (name) => data.runs.findIndex((run) => run.id === field(name).value);

  function fillSecond(wanted) {
    const others = partners(index("a")).sort((a, b) => a - b);
    fillSelect(field("b"), others.map((at) => [data.runs[at].id, data.runs[at].name]), wanted);
    field("b").closest("label").classList.remove("hidden");
  }

  function more() {
    const next = shown.slice(rendered, rendered + MOVED_STEP);
    byId("moved").append(...next.map(movedExhibit));
    rendered += next.length;
    byId("more-moved").hidden = rendered >= shown.length;
  }

  async function show(state = null) {
    turn += 1;
    const own = turn;
    const runs = ["a", "b"].map((name) => data.runs[index(name)]);
    const values = await Promise.all(runs.map(load));
    if (own !== turn) return;
    const failed = runs.filter((run, at) => !values[at]);
    if (failed.length) {
      byId("moved-notes").textContent = `${failed.map((run) => run.file).join(", ")} cannot be loaded.`;
      return;
    }
    const same = runs[0].metric === runs[1].metric && runs[0].revision === runs[1].revision;
    const { found, alone } = same ? movedEntries(data, runs, values) : { found: [], alone: 0 };
    const chosen = (name) => (state ? state.get(name) : field(name).value) || "";
    for (const [name, key] of [["inpainter", "painter"], ["detector", "detector"]]) {
      const names = [...new Set(found.map((one) => one[key]))];
      fillSelect(field(name), [["", "all"], ...names.map((value) => [value, value])], chosen(name));
    }
    const fits = found.filter((one) => (!field("inpainter").value || one.painter === field("inpainter").value)
      && (!field("detector").value || one.detector === field("detector").value));
    shown = fits.filter((one) => one.change !== 0);
    byId("shown").textContent = `${shown.length} of ${fits.length} moved`;
    notes(runs, values, alone);
    rendered = 0;
    byId("moved").replaceChildren(...(same && !shown.length ? [make("p", { text: nothing(fits) })] : []));
    more();
    writeState({ a: runs[0].id, b: runs[1].id, inpainter: field("inpainter").value, detector: field("detector").value });
  }

  function nothing(fits) {
    if (!data.opens) return "Nothing moved between any two runs of this board that can be compared.";
    if (!fits.length) return "These two runs have no detection in common.";
    return "Nothing moved here: these detections have the same values in both runs.";
  }

  function notes(runs, values, alone) {
    const lines = [];
    const [one, other] = runs.map((run) => `${run.metric} of revision ${run.revision}`);
    if (one !== other) lines.push(`Not compared: the first run has ${one}, the second ${other}.`);
    const before = new Map(values[0].weights);
    const changed = values[1].weights.filter(([name, weights]) => before.has(name) && before.get(name) !== weights)
      .map(([name]) => name);
    if (changed.length) lines.push(`Other weights in the second run: ${changed.join(", ")}.`);
    if (alone) lines.push(`${alone} images are in one of the two runs only.`);
    const left = values[0].left + values[1].left;
    if (left) lines.push(`${left} images of these runs are left out, to keep the page small.`);
    byId("moved-notes").textContent = lines.join(" ");
  }

  function fromAddress() {
    const state = readState();
    const opens = (data.opens || []).map((at) => data.runs[at].id);
    const [first, second] = state.get("a") || state.get("b") ? [state.get("a"), state.get("b")] : opens;
    const having = data.runs.map((run, at) => at).filter((at) => partners(at).length);
    fillSelect(field("a"), having.map((at) => [data.runs[at].id, data.runs[at].name]), first);
    field("a").closest("label").classList.remove("hidden");
    fillSecond(second);
    show(state);
  }

  field("a").addEventListener("change", () => { fillSecond(field("b").value); show(); });
  for (const name of ["b", "inpainter", "detector"]) field(name).addEventListener("change", () => show());
  byId("more-moved").addEventListener("click", more);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
}

if (byId("board-data")) boardPage();
if (byId("same-image")) imagesPage();
if (byId("moved")) movedPage();
