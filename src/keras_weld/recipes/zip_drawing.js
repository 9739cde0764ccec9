"use strict";
/* What the page is drawn with: elements, numbers as texts, and pictures with axes. */
const at = id => document.getElementById(id);
const colours = ["one", "two", "three", "four", "five", "six"].map(name => `var(--${name})`);
const colour = number => colours[number % colours.length];

/* Texts are set as texts, never as markup: names of tasks and files are a user's own. */
function made(parent, name, text, attributes) {
  const one = document.createElement(name);
  if (text !== undefined) one.textContent = text;
  for (const key in attributes) one.setAttribute(key, attributes[key]);
  parent.append(one);
  return one;
}
function drawn(parent, name, attributes, text) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) one.setAttribute(key, attributes[key]);
  if (text !== undefined) one.textContent = text;
  parent.append(one);
  return one;
}
const minus = text => text.replace("-", "−");
const plain = (value, digits = 2) => minus(value.toFixed(digits));
const signed = (value, digits = 2) => (value > 0 ? "+" : "") + plain(value, digits);
function ticks(low, high, wanted) {
  const rough = (high - low || 1) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const all = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) all.push(n * step);
  return {all, digits};
}
function around(values, part) {
  const low = Math.min(...values), high = Math.max(...values), more = (high - low || Math.abs(high) || 1) * part;
  return [low - more, high + more];
}
function picture(place, height, label, across, up, names) {
  const width = Math.max(340, Math.min(1000, place.clientWidth || 1000));
  const svg = drawn(place, "svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label});
  const box = {left: 48, right: width - 14, top: 28, bottom: height - 44};
  const x = value => box.left + (value - across[0]) / (across[1] - across[0]) * (box.right - box.left);
  const y = value => box.bottom - (value - up[0]) / (up[1] - up[0]) * (box.bottom - box.top);
  const along = ticks(...across, width / 100), upward = ticks(...up, 5);
  for (const one of upward.all) {
    drawn(svg, "line", {class: "grid", x1: box.left, x2: box.right, y1: y(one), y2: y(one)});
    drawn(svg, "text", {x: box.left - 8, y: y(one) + 4, "text-anchor": "end"}, plain(one, upward.digits));
  }
  for (const one of along.all) {
    drawn(svg, "line", {class: "grid", x1: x(one), x2: x(one), y1: box.bottom, y2: box.bottom + 5});
    drawn(svg, "text", {x: x(one), y: box.bottom + 20, "text-anchor": "middle"}, plain(one, along.digits));
  }
  drawn(svg, "text", {class: "title", x: box.right, y: box.bottom + 38, "text-anchor": "end"}, names[0]);
  drawn(svg, "text", {class: "title", x: 0, y: 14}, names[1]);
  return {svg, box, x, y};
}
/* A mark of its own for each task, so that colour is not all that tells them apart. */
const shapes = [
  r => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  r => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  r => `M0 ${-1.2 * r}L${1.1 * r} ${r}H${-1.1 * r}z`,
  r => `M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0z`,
];
const mark = (parent, number, x, y, r, attributes) => drawn(parent, "path",
  {d: shapes[number % shapes.length](r), transform: `translate(${x} ${y})`, stroke: colour(number), ...attributes});
