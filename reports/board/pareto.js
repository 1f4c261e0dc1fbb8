
// Pareto view: quality against detectability of the rows that are shown; only ranked rows can be
// on the front, since the distance of the others does not say how well they hide.

const SVG = "http://www.w3.org/2000/svg";
const FRAME = { width: 760, height: 420, left: 64, right: 20, top: 16, bottom: 48 };
const POINT = 5.5; // radius

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function niceTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw * 0.999);
  const ticks = [];
  for (let at = Math.floor(low / step); at <= Math.ceil(high / step); at += 1) ticks.push(at * step);
  return ticks;
}

function paretoPoints(found, column, quality) {
  const { one, scope, rows } = found;
  const points = [];
  const missing = [];
  for (const at of rows) {
    const cell = scope.rows[at][column];
    const y = scope.quality[at][quality];
    const row = one.rows[at];
    const label = one.rows.some((other) => other !== row && other.name === row.name) ? `${row.name} (${row.weights})` : row.name;
    const x = part(cell, "distance");
    if (x === null || y === null) {
      const why = x === null ? one.reasons[part(cell, "reason")] || "no number" : `no ${one.quality[quality].name}`;
      missing.push({ row, label, why });
    } else {
      points.push({ row, label, x: x / 10 ** one.digits, y: y / 10 ** one.quality[quality].digits, cell,
        why: one.reasons[part(cell, "reason")] || "", ranked: part(cell, "rank") > 0 });
    }
  }
  return { points, missing };
}

// A point is on the front if no other has a smaller distance and a better quality.

function paretoFront(points, better) {
  const sign = better === "lower" ? -1 : 1;
  const sorted = points.filter((one) => one.ranked).sort((a, b) => a.x - b.x || sign * (b.y - a.y));
  let best = -Infinity;
  return sorted.filter((one) => {
    if (sign * one.y <= best) return false;
    best = sign * one.y;
    return true;
  });
}

function scaled(values, start, end, count) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 0.5;
  const ticks = niceTicks(low - room, high + room, count);
  const [first, last] = [ticks[0], ticks[ticks.length - 1]];
  return { ticks, at: (value) => start + ((value - first) / (last - first)) * (end - start) };
}

function text(content, x, y, anchor, extra = {}) {
  return draw("text", { class: "label", x, y, "text-anchor": anchor, ...extra }, content);
}

function tick(value) {
  return String(Number(value.toPrecision(6)));
}

function axes(horizontal, vertical, titles) {
  const { width, height, left, right, top, bottom } = FRAME;
  const base = height - bottom;
  const parts = vertical.ticks.flatMap((value) => {
    const y = vertical.at(value);
    return [draw("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }), text(tick(value), left - 6, y + 4, "end")];
  });
  for (const value of horizontal.ticks) {
    const x = horizontal.at(value);
    parts.push(draw("line", { class: "tick", x1: x, x2: x, y1: base, y2: base + 4 }), text(tick(value), x, base + 17, "middle"));
  }
  parts.push(draw("line", { class: "tick", x1: left, x2: width - right, y1: base, y2: base }));
  parts.push(text(titles.x, (left + width - right) / 2, height - 10, "middle"));
  parts.push(text(titles.y, 0, 0, "middle", { transform: `translate(14 ${(top + base) / 2}) rotate(-90)` }));
  return parts;
}

// Names of the points: of the front, if need be with a line; of others only beside their points.

function labels(points, front, place) {
  const { width, height, left, right, top, bottom } = FRAME;
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const named = [...front, ...points.filter((one) => one.ranked && !front.includes(one)), ...points.filter((one) => !one.ranked)];
  const names = named.map((one, at) => {
    const [x, y] = place(one);
    return { x, y, width: pen.measureText(one.label).width + 4, far: at < front.length };
  });
  const curves = front.slice(1).map((one, at) => [...place(front[at]), ...place(one)]);
  const frame = { left: left + 2, right: width - right, top, bottom: height - bottom - 2 };
  const found = placeLabels(names, points.map(place), { frame, radius: POINT, curves });
  const drawn = found.flatMap((spot, at) => {
    if (!spot) return [];
    const [x1, y1, x2, y2] = spot.line || [];
    const line = spot.line ? [draw("line", { class: "lead", x1, y1, x2, y2 })] : [];
    return [...line, text(named[at].label, (spot.box.left + spot.box.right) / 2, spot.box.bottom - 3, "middle", { class: "named" })];
  });
  return { drawn, without: found.filter((spot) => !spot).length };
}

function paretoChart(points, front, titles) {
  const { width, height, left, right, top, bottom } = FRAME;
  const horizontal = scaled(points.map((one) => one.x), left, width - right, width < 500 ? 3 : 6);
  const vertical = scaled(points.map((one) => one.y), height - bottom, top, 6);
  const place = (one) => [horizontal.at(one.x), vertical.at(one.y)].map((at) => Number(at.toFixed(1)));
  const shapes = points.map((one) => {
    const kind = front.includes(one) ? "on-front" : one.ranked ? "behind" : "unranked";
    const [cx, cy] = place(one);
    const circle = draw("circle", { class: kind, cx, cy, r: kind === "on-front" ? POINT : 4 });
    const about = `${one.label}: distance ${one.x.toFixed(4)}, ${titles.y} ${one.y}${one.why ? `; not ranked: ${one.why}` : ""}`;
    return draw("g", { "data-name": one.label }, draw("title", {}, about), circle);
  });
  const { drawn, without } = labels(points, front, place);
  const line = draw("polyline", { class: "front", points: front.map((one) => place(one).join(",")).join(" ") });
  const chart = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${titles.y} against ${titles.x}` },
    ...axes(horizontal, vertical, titles), line, ...shapes, ...drawn);
  return { chart, without };
}

function listed(heading, entries) {
  if (!entries.length) return [];
  return [make("h3", { text: heading }), make("ul", {}, ...entries.map(([row, label, about]) => make("li", {},
    make("a", { href: row.page, text: label }), about)))];
}

function paretoPanel(found, column, quality) {
  const { one } = found;
  const { points, missing } = paretoPoints(found, column, quality);
  const front = paretoFront(points, one.quality[quality].better);
  const titles = { x: `distance of ${one.metric} to the null, smaller hides better`, y: one.quality[quality].name };
  const title = make("h2", { text: `${one.columns[column].name}: ${titles.y} against detectability` });
  if (!points.length) return [title, make("p", { text: "No row has both numbers." }), ...listed("Not drawn", missing.map((item) => [item.row, item.label, `: ${item.why}`]))];
  const digits = one.quality[quality].digits;
  const { chart, without } = paretoChart(points, front, titles);
  const numbers = (item) => [item.row, item.label, `: distance ${item.x.toFixed(one.digits)}, ${item.y.toFixed(digits)}`];
  const hidden = without ? ` ${without === 1 ? "One name has" : `${without} names have`} no room in the chart; the lists below have all.` : "";
  return [title, chart,
    make("p", { class: "why", text: `Filled and joined: the front, the ranked rows that no other beats in both numbers. Open circles: not ranked, so never on the front.${hidden}` }),
    ...listed("On the front", front.map(numbers)),
    ...listed("Behind the front", points.filter((item) => item.ranked && !front.includes(item)).map(numbers)),
    ...listed("Drawn open, not ranked", points.filter((item) => !item.ranked).map((item) => [item.row, item.label, `: ${item.why}`])),
    ...listed("Not drawn", missing.map((item) => [item.row, item.label, `: ${item.why}`]))];
}

// As wide as the page has room, so that text keeps its size on a phone.

function chartWidth() {
  return within(byId("pareto").clientWidth, 340, 760);
}

function showPareto(found, quality) {
  FRAME.width = chartWidth();
  if (quality < 0 || !found.columns.length) {
    byId("pareto").replaceChildren(make("p", { text: "This section has no image quality or no detector." }));
    return;
  }
  byId("pareto").replaceChildren(...found.columns.flatMap((column) => paretoPanel(found, column, quality)));
}
