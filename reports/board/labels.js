
// Where the names of points are written, so that none covers another name or a point, as in
// reports/figures/labels.py. A name that is not beside its point has a line to it.

const LABEL = { gap: 3, height: 13, far: [10, 20, 32, 46, 62, 80, 100, 122] };
const NEAR = [[1, -1], [1, 1], [-1, -1], [-1, 1], [1, 0], [-1, 0], [0, -1], [0, 1]];
const AROUND = [...NEAR, [1, -0.5], [1, 0.5], [-1, -0.5], [-1, 0.5], [0.5, -1], [0.5, 1], [-0.5, -1], [-0.5, 1]];

const distance = (x, y, [a, b]) => Math.hypot(a - x, b - y);
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const nearest = (box, x, y) => [within(x, box.left, box.right), within(y, box.top, box.bottom)];

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

// Whether a line, as [x, y, x, y], touches a box.

function crosses([x1, y1, x2, y2], box) {
  let [first, last] = [0, 1];
  for (const [start, end, low, high] of [[x1, x2, box.left, box.right], [y1, y2, box.top, box.bottom]]) {
    if (start === end) {
      if (!(low < start && start < high)) return false;
    } else {
      const ends = [(low - start) / (end - start), (high - start) / (end - start)];
      [first, last] = [Math.max(first, Math.min(...ends)), Math.min(last, Math.max(...ends))];
    }
  }
  return first < last;
}

function cross(one, other) {
  const side = ([x1, y1, x2, y2], x, y) => (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
  return side(one, other[0], other[1]) * side(one, other[2], other[3]) < 0
    && side(other, one[0], one[1]) * side(other, one[2], one[3]) < 0;
}

function toLine(x, y, [x1, y1, x2, y2]) {
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const share = length ? within(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length, 0, 1) : 0;
  return distance(x, y, [x1 + share * (x2 - x1), y1 + share * (y2 - y1)]);
}

function labelBox(name, right, down, away) {
  const share = right && down ? away * Math.SQRT1_2 : away;
  const x = name.x + right * (share + name.width / 2);
  const y = name.y + down * (share + LABEL.height / 2);
  return { left: x - name.width / 2, right: x + name.width / 2, top: y - LABEL.height / 2, bottom: y + LABEL.height / 2 };
}

// Return for each name its box and its line, or null where there is no room; earlier names first.
// No other point is as near to a name without a line as its own.
// names: {x, y, width, far: whether a line may lead to it}; points: [x, y] of all points.

function placeLabels(names, points, { frame, radius, curves }) {
  const boxes = [];
  const lines = [];
  const away = (box, x, y) => distance(x, y, nearest(box, x, y));
  const free = (box) => box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom
    && !boxes.some((other) => overlap(box, other)) && !lines.some((line) => crosses(line, box))
    && !points.some(([x, y]) => away(box, x, y) < radius);
  const clear = (line) => !boxes.some((box) => crosses(line, box)) && !lines.some((other) => cross(line, other))
    && !points.some(([x, y]) => distance(x, y, line) > 2 * radius && toLine(x, y, line) < radius);
  const own = (box, name) => points.every(([x, y]) => (x === name.x && y === name.y) || away(box, x, y) > away(box, name.x, name.y));
  return names.map((name) => {
    for (const far of [0, ...(name.far ? LABEL.far : [])]) {
      const found = (far ? AROUND : NEAR).map(([right, down]) => labelBox(name, right, down, radius + LABEL.gap + far))
        .filter(free)
        .map((box) => ({ box, line: far ? [name.x, name.y, ...nearest(box, name.x, name.y)] : null }))
        .filter((one) => (one.line ? clear(one.line) : own(one.box, name)));
      const spot = found.find((one) => !curves.some((line) => crosses(line, one.box))) || found[0];
      if (spot) {
        boxes.push(spot.box);
        if (spot.line) lines.push(spot.line);
        return spot;
      }
    }
    return null;
  });
}
