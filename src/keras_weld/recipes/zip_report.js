const found = JSON.parse(at("frontier").textContent);
const size = bytes => bytes < 1e6 ? (bytes / 1e3).toFixed(1) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
const blocks = count => count === 0 ? "0" : count === 1 ? "1" : `1-${count}`;
const last = found.rounds.length - 1;
let current = Math.max(0, found.rounds.findIndex(round => round.merged_blocks === found.chosen));

/* What the networks are compared by: each column has a name, a value, and what is told beside the value. */
const spread = one => `${plain(one.low)} to ${plain(one.high)}`;
const everyone = [...found.baselines, ...found.rounds];
const batches = kind => [...new Set(everyone.flatMap(one => one[kind].map(each => each.batch)))];
const speeds = (kind, group) => batches(kind).map(batch => {
  const of = one => one[kind].find(each => each.batch === batch);
  return {
    group, name: `batch ${batch}`, value: one => of(one) && of(one).value,
    shown: one => plain(of(one).value), more: one => spread(of(one)),
  };
});
const columns = [
  {group: "compression", name: "", value: one => one.compression, shown: one => one.compression.toFixed(3)},
  ...speeds("speedup", "speedup"),
  ...speeds("onnx", "speedup in ONNX Runtime"),
  {group: "memory", name: "counted", value: one => one.memory, shown: one => plain(one.memory)},
  ...(everyone.some(one => one.peak) ? [{
    group: "memory", name: "measured", value: one => one.peak && one.peak.ratio, shown: one => plain(one.peak.ratio),
    more: one => size(one.peak.merged),
  }] : []),
];
const title = column => column.name ? `${column.group}, ${column.name}` : column.group;
const present = (column, one) => column.value(one) !== undefined && column.value(one) !== null;

/* The page's head. */
at("title").textContent = "weld zip: " + found.tasks.join(", ").replace(/, ([^,]*)$/, " and $1");
document.title = at("title").textContent;
at("subtitle").textContent =
  `${found.blocks} blocks that can be merged; by ${found.merge}; shared: ${found.share}`;
at("verdict").textContent = found.chosen === null ? "No network is within the limits."
  : `Chosen: ${found.chosen} of ${found.blocks} blocks merged (chosen.keras).`;
for (const note of found.notes) made(at("notes"), "li", note);
if (!found.notes.length) at("told").remove();

/* The table, like Table 1 of the paper. */
const measure = task => (found.rounds.find(round => round.tasks[task]) || {tasks: {}}).tasks[task];
const judgedTasks = found.tasks.filter(measure);
const table = at("table");
function heads() {
  const head = made(table, "thead"), top = made(head, "tr"), below = made(head, "tr");
  made(top, "th", "merged blocks", {rowspan: 2, scope: "col"});
  for (const group of new Set(columns.map(column => column.group))) {
    const own = columns.filter(column => column.group === group);
    if (!own[0].name) made(top, "th", group, {rowspan: 2, scope: "col"});
    else {
      made(top, "th", group, {colspan: own.length, scope: "colgroup"});
      for (const column of own) made(below, "th", column.name, {scope: "col"});
    }
  }
  for (const task of judgedTasks) {
    made(made(top, "th", task, {colspan: 2, scope: "colgroup"}), "small", `${measure(task).examples} examples`);
    made(below, "th", measure(task).metric, {scope: "col"});
    made(below, "th", "drop", {scope: "col"});
  }
}
function cell(row, text, more, kind) {
  const one = made(row, "td", text, kind ? {class: kind} : {});
  if (more) made(one, "small", more);
}
function figures(row, one) {
  for (const column of columns) {
    if (present(column, one)) cell(row, column.shown(one), column.more && column.more(one));
    else cell(row, "");
  }
  for (const task of judgedTasks) {
    const how = one.tasks[task];
    if (!how) { cell(row, ""); cell(row, ""); continue; }
    const digits = Math.abs(how.source) < 10 ? 3 : 1;
    const within = (low, high, as) => `${as(low, digits)} to ${as(high, digits)}`;
    cell(row, plain(how.value), within(how.value_low, how.value_high, plain));
    cell(row, signed(how.drop) + (how.verdict && `, ${how.verdict}`), within(how.low, how.high, signed),
      how.verdict === "worse" || how.verdict === "better" ? how.verdict : "");
  }
}
heads();
if (found.baselines.length) {
  const body = made(table, "tbody", undefined, {class: "baselines"});
  for (const one of found.baselines) {
    const row = made(body, "tr");
    made(row, "th", one.name, {scope: "row"});
    figures(row, one);
  }
}
const body = made(table, "tbody", undefined, {class: "rounds"});
const rows = found.rounds.map((round, number) => {
  const row = made(body, "tr");
  const chosen = round.merged_blocks === found.chosen;
  if (chosen) row.className = "chosen";
  made(row, "th", (chosen ? "★ " : "") + blocks(round.merged_blocks), {scope: "row"});
  figures(row, round);
  row.addEventListener("click", () => show(number));
  return row;
});
const legend = [
  "Compression counts kernel weights; counted memory counts kernel weights and activations. Both leave heads out.",
  "Speedup is against the source models one after the other, compiled, timed in turn on this machine: the median, " +
    "with its quartiles below.",
];
if (columns.some(column => column.name === "measured")) legend.push(
  "Measured memory is what the compiled network needed for one example: weights, heads too, and the most that was " +
  "held beside them at a time; the source models ran one after the other.");
if (found.baselines.some(one => one.name.startsWith("branch"))) legend.push(
  "A branch is the backbone of one model under every head, as weld branch makes it.");
if (judgedTasks.length) legend.push(
  "A drop is how much worse than its source model a task is, in points for percent; below zero it is better. " +
  "Intervals are of 95 %.");
else legend.push("Without labelled data, accuracy is not measured.");
if (found.chosen !== null) legend.push("★ is the chosen one.");
for (const line of legend) made(at("legend"), "li", line);

/* Pictures. */
function key(place, text, draw) {
  const one = made(place, "span");
  draw(drawn(one, "svg", {viewBox: "-8 -8 16 16", "aria-hidden": "true"}));
  one.append(text);
}
function keys() {
  const place = at("keys");
  judgedTasks.forEach((task, number) => key(place, task, svg => mark(svg, number, 0, 0, 5, {fill: colour(number)})));
  if (found.baselines.length) key(place, "baseline", svg => mark(svg, 0, 0, 0, 5, {class: "base", stroke: "currentColor"}));
}
let points = [];
function tradeoff() {
  const place = at("tradeoff"), column = columns[at("across").value];
  place.replaceChildren();
  points = [];
  const shown = everyone.filter(one => Object.keys(one.tasks).length && present(column, one));
  const usual = shown.filter(one => found.rounds.includes(one) || !farOff(one));
  const gains = usual.flatMap(one => Object.values(one.tasks).flatMap(each => [-each.low, -each.high]));
  const wide = around([...usual.map(column.value), 1], .06), high = around([...gains, 0], .08);
  const {svg, box, x, y} = picture(place, 340, "Gain of each task against " + title(column), wide, high,
    [title(column) + ", × the separate models", "better than its source model (points); up and right is better"]);
  drawn(svg, "line", {class: "even", x1: box.left, x2: box.right, y1: y(0), y2: y(0)});
  if (found.max_drop !== null && -found.max_drop >= high[0]) {
    drawn(svg, "line", {class: "limit", x1: box.left, x2: box.right, y1: y(-found.max_drop), y2: y(-found.max_drop)});
    drawn(svg, "text", {class: "limit-name", x: box.left + 4, y: y(-found.max_drop) + 14},
      `largest drop asked for: ${found.max_drop}`);
  }
  judgedTasks.forEach((task, number) => {
    const aside = (number - (judgedTasks.length - 1) / 2) * 7;
    for (const one of usual) {
      const how = one.tasks[task];
      if (!how) continue;
      const round = found.rounds.indexOf(one), left = x(column.value(one)) + aside;
      const group = drawn(svg, "g", {class: round < 0 ? "" : "point"});
      drawn(group, "line", {x1: left, x2: left, y1: y(-how.low), y2: y(-how.high), stroke: colour(number)});
      mark(group, number, left, y(-how.drop), 5, round < 0 ? {class: "base"} : {fill: colour(number)});
      const name = round < 0 ? one.name : `${one.merged_blocks} blocks merged`;
      drawn(group, "title", {}, `${task}, ${name}: drop ${signed(how.drop)} (${signed(how.low)} to ${signed(how.high)})`);
      if (round < 0) continue;
      group.addEventListener("click", () => show(round));
      points.push({group, round});
    }
  });
  for (const round of found.rounds) {
    if (!Object.keys(round.tasks).length || !present(column, round)) continue;
    const top = Math.max(...Object.values(round.tasks).map(one => -one.low));
    drawn(svg, "text", {x: x(column.value(round)), y: y(top) - 7, "text-anchor": "middle"}, blocks(round.merged_blocks));
  }
  const off = shown.filter(one => !usual.includes(one));
  if (off.length) made(place, "p", "Too far below to be drawn: " + off.map(one => one.name).join("; ") + ".",
    {class: "quiet small"});
  emphasise();
}
/* A baseline that has not learnt a task at all would flatten everything else. */
function farOff(one) {
  const drops = found.rounds.flatMap(round => Object.values(round.tasks).map(each => each.high));
  return Math.max(...Object.values(one.tasks).map(each => each.drop)) > 3 * Math.max(3, ...drops);
}
let lines = [];
const calibrated = [
  ...found.rounds.map((one, round) => ({one, round, name: one.merged_blocks > 1 ? `blocks ${blocks(one.merged_blocks)}` : `block ${one.merged_blocks}`})),
  ...found.baselines.map(one => ({one, round: -1, name: one.name})),
].filter(each => each.one.losses.length);
/* From the first colour for the least merged to the second for the most. */
const ink = round => round < 0 ? "var(--quiet)"
  : `color-mix(in oklch, var(--two) ${Math.round(100 * round / Math.max(1, last))}%, var(--one))`;
const stroke = round => ({fill: "none", stroke: ink(round), "stroke-width": 2, "stroke-dasharray": round < 0 ? "5 4" : "none"});
function curves() {
  const place = at("curves"), all = calibrated.flatMap(each => each.one.losses);
  place.replaceChildren();
  const {svg, x, y} = picture(place, 280, "Loss of the calibrations by step",
    [0, Math.max(...all.map(one => one[0]))], around(all.map(one => one[1]), .05), ["steps", "loss"]);
  lines = calibrated.map(({one, round, name}) => {
    const group = drawn(svg, "g", round < 0 ? {} : {class: "point"});
    drawn(group, "polyline", {...stroke(round),
      points: one.losses.map(each => `${x(each[0]).toFixed(1)},${y(each[1]).toFixed(1)}`).join(" ")});
    drawn(group, "title", {}, name);
    if (round >= 0) group.addEventListener("click", () => show(round));
    return {group, round};
  }).filter(line => line.round >= 0);
  emphasise();
}

/* One network at a time: the slider, the cards, and what is emphasised elsewhere. */
function emphasise() {
  for (const {group, round} of [...points, ...lines]) group.classList.toggle("faint", round !== current && last > 0);
  rows.forEach((row, number) => row.classList.toggle("shown", number === current));
}
function show(number) {
  current = number;
  const round = found.rounds[number], cards = at("cards");
  at("slider").value = number;
  at("slider").setAttribute("aria-valuetext", `${round.merged_blocks} blocks merged`);
  at("shown").textContent = `${round.merged_blocks} of ${found.blocks}`;
  cards.replaceChildren();
  const card = (name, value, more) => {
    const one = made(cards, "div");
    made(one, "dt", name);
    const told = made(one, "dd", value);
    if (more) made(told, "small", more);
  };
  for (const column of columns) {
    if (present(column, round)) card(title(column), column.shown(round) + " ×", column.more && column.more(round));
  }
  for (const task of judgedTasks) {
    const how = round.tasks[task];
    if (how) card(task, plain(how.value), `drop ${signed(how.drop)} (${signed(how.low)} to ${signed(how.high)}): ${how.verdict}`);
  }
  card("file", round.file, `start ${round.start}, ${round.steps} steps`);
  emphasise();
}
at("slider").max = Math.max(0, last);
at("choice").hidden = last < 1;
columns.forEach((column, number) => made(at("across"), "option", title(column), {value: number}));
const fastest = columns.findIndex(column => column.group === "speedup");
at("across").value = Math.max(0, fastest);
if (judgedTasks.length) {
  keys();
  tradeoff();
  at("across").addEventListener("change", tradeoff);
} else at("gained").parentElement.remove();
if (calibrated.length) {
  for (const {round, name} of calibrated) {
    key(at("lines"), name, svg => drawn(svg, "line", {x1: -8, x2: 8, y1: 0, y2: 0, ...stroke(round)}));
  }
  curves();
} else at("calibration").remove();
window.addEventListener("resize", () => {
  if (judgedTasks.length) tradeoff();
  if (calibrated.length) curves();
});
at("slider").addEventListener("input", () => show(+at("slider").value));
if (found.rounds.length) show(current);
