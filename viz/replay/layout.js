// Where everything stands. Python has arranged what is in each box (columns, places across, passing points) with
// its inner boxes closed; here boxes take their true sizes, open or closed, and the arrangement stretches with them.
// Inside, (u, v) are along the flow and across it: the flow of a circuit runs to the right, that of cards downwards.

const GAP = 12; // between neighbours in a column
const PASS = 8; // breadth left for a passing wire
const PAD = 14; // inside a frame
const CAPTION = 20; // the line of a frame's name
const SWEEPS = 8;

/** Coordinates of all that is visible: centres of nodes and labels, boxes, and the path of every wire. */
function layOut(graph, isOpen) {
  const across = graph.style === "circuit";
  const flow = across ? ([x, y]) => [x, y] : ([x, y]) => [y, x];
  const placed = { nodes: new Map(), labels: new Map(), boxes: new Map(), wires: new Map(), width: 0, height: 0 };

  function sized(item) {
    const shape = item.kind === "node" ? graph.nodes[item.key].shape : graph.labels[item.key];
    const [length, breadth] = flow([shape.width, shape.height]);
    return { length, breadth, shape };
  }

  function closedBox(box) {
    const [length, breadth] = flow([box.width, box.height]);
    return { length, breadth, enters: box.enters, leaves: box.leaves };
  }

  function inside(box) {
    const parts = box.items.map((item) => {
      if (item.kind === "enter" || item.kind === "leave") return { item, length: 0, breadth: 10 };
      if (item.kind !== "box") return { item, ...sized(item) };
      const inner = graph.boxes[item.key];
      return { item, ...(isOpen(inner) ? inside(inner) : closedBox(inner)), box: inner };
    });
    const port = (part, slot) => flow(part.shape.ports[part.item.kind === "node" ? slot : 0]);
    const end = (part, { way, slot }) =>
      part.box ? [-part.length / 2, part.enters[way]] : part.shape ? port(part, slot) : [0, 0];
    const start = (part, { way }) =>
      part.box ? [part.length / 2, part.leaves[way]] : part.shape ? flow(part.shape.exit) : [0, 0];
    const runs = box.runs.map((run) => {
      const edge = graph.edges[run.edges[0]];
      return { ...run, from: start(parts[run.tail], edge), to: end(parts[run.head], edge) };
    });
    const grown = parts.some((part) => part.box && isOpen(part.box));
    const { place, passes } = grown ? settled(box, parts, runs) : box;
    return assembled(box, parts, runs, place, passes ?? box.runs.map((run) => run.passes), across);
  }

  function draw(content, u, v) {
    for (const part of content.parts) {
      const at = flow([u + part.u, v + part.v]);
      if (part.item.kind === "node") placed.nodes.set(part.item.key, at);
      if (part.item.kind === "label") placed.labels.set(part.item.key, at);
      if (part.box) {
        const [width, height] = flow([part.length, part.breadth]);
        placed.boxes.set(part.box.key, { x: at[0], y: at[1], width, height, open: isOpen(part.box) });
        if (isOpen(part.box)) draw(part, u + part.u - part.length / 2, v + part.v - part.breadth / 2);
      }
    }
    for (const run of content.runs) {
      const piece = run.curve.map(([a, b]) => [u + a, v + b]);
      for (const edge of run.edges) {
        if (!placed.wires.has(edge)) placed.wires.set(edge, []);
        placed.wires.get(edge).push(piece);
      }
    }
  }

  const whole = inside(graph.boxes[0]);
  draw(whole, 0, 0);
  for (const [edge, pieces] of placed.wires) {
    pieces.sort((one, other) => one[0][0] - other[0][0]);
    const points = pieces.flatMap((piece, i) => (i ? [piece[0], piece[0], ...piece] : piece)).map(flow);
    placed.wires.set(edge, points);
  }
  [placed.width, placed.height] = flow([whole.length, whole.breadth]);
  return placed;
}

/** The content of one box in coordinates of its own. */
function assembled(box, parts, runs, place, passes, across) {
  const routes = runs.map((run, i) => [place[run.tail] + run.from[1], ...passes[i], place[run.head] + run.to[1]]);
  const framed = box.key !== 0;
  const before = framed ? PAD + (across ? 0 : CAPTION) : 0;
  const above = framed ? PAD + (across ? CAPTION : 0) : 0;
  const spans = columnSpans(box, parts, runs, routes, before, across);
  const edge = spans.at(-1)[1] + (framed ? PAD : 0);
  const length = Math.max(edge, across && framed ? box.captionWidth : 0);
  const tops = parts.map((part, i) => place[i] - part.breadth / 2);
  const bottoms = parts.map((part, i) => place[i] + part.breadth / 2);
  const sides = routes.flat();
  const top = Math.min(...tops, ...sides) - above;
  let breadth = Math.max(...bottoms, ...sides) + (framed ? PAD : 0) - top;
  if (!across && framed) breadth = Math.max(breadth, box.captionWidth);
  const enters = {};
  const leaves = {};
  const settledParts = parts.map((part, i) => {
    const [begin, stop] = spans[box.column[i]];
    const v = place[i] - top;
    let u = across ? begin + part.length / 2 : (begin + stop) / 2;
    if (part.item.kind === "enter") [u, enters[part.item.key]] = [0, v - breadth / 2];
    if (part.item.kind === "leave") [u, leaves[part.item.key]] = [length, v - breadth / 2];
    return { ...part, u, v };
  });
  const curves = runs.map((run, i) => {
    const [tail, head] = [settledParts[run.tail], settledParts[run.head]];
    let crossed = spans.slice(box.column[run.tail], box.column[run.head] + 1);
    if (routes[i].length < crossed.length) crossed = [crossed[0], crossed.at(-1)];
    const route = routes[i].map((v) => v - top);
    return { edges: run.edges, curve: curve(tail.u + run.from[0], head.u + run.to[0], crossed, route) };
  });
  return { parts: settledParts, runs: curves, length, breadth, enters, leaves };
}

/** Where each column begins and ends; steep wires widen the gap before it. */
function columnSpans(box, parts, runs, routes, before, across) {
  const count = Math.max(...box.column) + 1;
  const lengths = new Array(count).fill(0);
  const steepest = new Array(count).fill(0);
  parts.forEach((part, i) => (lengths[box.column[i]] = Math.max(lengths[box.column[i]], part.length)));
  runs.forEach((run, i) => {
    for (let step = 0; step + 1 < routes[i].length; step++) {
      const level = box.column[run.tail] + 1 + step;
      steepest[level] = Math.max(steepest[level], Math.abs(routes[i][step + 1] - routes[i][step]));
    }
  });
  const [smallest, largest] = across ? [26, 80] : [30, 80];
  const spans = [];
  let end = before;
  for (let level = 0; level < count; level++) {
    const begin = end + (level ? Math.min(Math.max(smallest, 0.5 * steepest[level]), largest) : 0);
    end = begin + lengths[level];
    spans.push([begin, end]);
  }
  return spans;
}

/** A wire: straight through each column, a smooth bend in each gap. */
function curve(begin, end, spans, route) {
  const points = [[begin, route[0]]];
  for (let i = 0; i + 1 < spans.length; i++) {
    const leave = spans[i][1];
    const arrive = i + 2 < spans.length ? spans[i + 1][0] : Math.min(spans[i + 1][0], end);
    const [here, there] = [route[i], route[i + 1]];
    if (Math.abs(here - there) < 0.05) continue;
    if (points.at(-1)[0] < leave) points.push(points.at(-1), [leave, here], [leave, here]);
    const middle = (Math.max(leave, points.at(-1)[0]) + arrive) / 2;
    points.push([middle, here], [middle, there], [arrive, there]);
  }
  if (points.at(-1)[0] < end) points.push(points.at(-1), [end, route.at(-1)], [end, route.at(-1)]);
  return points;
}

/** New places across, where boxes have grown: in the same order, near to the neighbours, without overlap. */
function settled(box, parts, runs) {
  const breadths = parts.map((part) => part.breadth);
  const place = [...box.place];
  const level = [...box.column];
  const chains = runs.map((run) =>
    run.passes.map((at, step) => {
      breadths.push(PASS);
      place.push(at);
      level.push(box.column[run.tail] + 1 + step);
      return place.length - 1;
    }),
  );
  const before = place.map(() => []);
  const after = place.map(() => []);
  runs.forEach((run, i) => {
    const path = [run.tail, ...chains[i], run.head];
    for (let step = 0; step + 1 < path.length; step++) {
      const shift = (step ? 0 : run.from[1]) - (step + 2 < path.length ? 0 : run.to[1]);
      before[path[step + 1]].push([path[step], shift]);
      after[path[step]].push([path[step + 1], -shift]);
    }
  });
  const layers = [];
  level.forEach((column, item) => (layers[column] ??= []).push(item));
  layers.forEach((layer) => layer.sort((one, other) => place[one] - place[other]));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const wishes = layer.map((item) => {
        const near = (forward ? before : after)[item];
        const found = near.length ? near : (forward ? after : before)[item];
        if (!found.length) return place[item];
        return found.reduce((sum, [other, shift]) => sum + place[other] + shift, 0) / found.length;
      });
      pool(layer, wishes, breadths, place);
    }
  }
  return { place, passes: chains.map((chain) => chain.map((item) => place[item])) };
}

/** The places nearest to the wishes that keep order and distances: neighbours that would pass are pooled. */
function pool(layer, wishes, breadths, place) {
  const offsets = [0];
  for (let i = 1; i < layer.length; i++)
    offsets.push(offsets[i - 1] + (breadths[layer[i - 1]] + breadths[layer[i]]) / 2 + GAP);
  const pools = [];
  wishes.forEach((wish, i) => {
    let [mean, size] = [wish - offsets[i], 1];
    while (pools.length && pools.at(-1)[0] > mean) {
      const [other, more] = pools.pop();
      mean = (mean * size + other * more) / (size + more);
      size += more;
    }
    pools.push([mean, size]);
  });
  let i = 0;
  for (const [mean, size] of pools)
    for (let n = 0; n < size; n++, i++) place[layer[i]] = offsets[i] + mean;
}
