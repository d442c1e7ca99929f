/* Charts by uPlot, from {title, x, xlabel, xlog, ylabel, ylog, lines: [{label, y, points, marked, dash, colour, low, high}]}. */

const COLOURS = ["#2f7ed8", "#d9661f", "#2e9e62", "#b04fc4", "#c0392b", "#8a7a1f", "#1f9ea8", "#7a6ff0"];
const charts = new Set();

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draw `spec` into the element `host`, again whenever the theme changes. */
function drawChart(host, spec) {
  const old = [...charts].find((one) => one.host === host);
  if (old) old.plot.destroy(), charts.delete(old);
  host.setAttribute("role", "group");
  host.setAttribute("aria-label", spec.title);
  charts.add({ host, spec, plot: new uPlot(optionsOf(host, spec), dataOf(spec), host) });
}

function dataOf(spec) {
  const bounds = spec.lines.filter((line) => line.low).flatMap((line) => [line.high, line.low]);
  return [spec.x, ...spec.lines.map((line) => line.y), ...bounds];
}

function optionsOf(host, spec) {
  const series = spec.lines.map((line, i) => {
    const stroke = COLOURS[(line.colour ?? i) % COLOURS.length];
    const shape = line.points
      ? { class: "dots", paths: () => null, points: { show: true, size: 5, fill: stroke } }
      : { points: { show: spec.x.length < 2 || !!line.marked }, spanGaps: !!line.marked, width: 1.5, dash: line.dash ? [6, 4] : undefined };
    return { label: line.label, stroke, ...shape, value: (_, v) => (v == null ? "–" : v.toPrecision(4)) };
  });
  const bands = [];
  spec.lines.forEach((line, i) => {
    if (!line.low) return;
    const first = 1 + spec.lines.length + 2 * bands.length;
    bands.push({ series: [first, first + 1], fill: `${series[i].stroke}30` });
  });
  const bounds = bands.flatMap(() => [0, 1].map(() => ({ label: "", class: "bound", points: { show: false }, stroke: "transparent" })));
  const axis = (label, log) => ({
    label, stroke: colourOf("--text"), grid: { stroke: colourOf("--line"), width: 1 }, ticks: { stroke: colourOf("--line"), width: 1 },
    labelSize: 22, values: (_, ticks) => ticks.map((v) => (v == null ? "" : log ? short(v) : String(+v.toPrecision(6)))),
  });
  return {
    width: Math.max(host.clientWidth, 240), height: 270, series: [{ label: spec.xlabel }, ...series, ...bounds], bands,
    scales: { x: { time: false, distr: spec.xlog ? 3 : 1 }, y: { distr: spec.ylog ? 3 : 1, range: spec.yrange } },
    axes: [axis(spec.xlabel, spec.xlog), { ...axis(spec.ylabel, spec.ylog), size: 62 }],
    legend: { markers: { width: 3, dash: (_, i) => (series[i - 1]?.dash ? "dashed" : "solid") } }, cursor: { drag: { x: true, y: false } },
    hooks: { setCursor: [(plot) => plot.root.classList.toggle("pointed", plot.cursor.idx != null)] },
  };
}

function short(value) {
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? String(+value.toPrecision(2)) : value.toExponential(0);
}

function redrawCharts() {
  for (const { host, spec } of [...charts]) drawChart(host, spec);
}

/** Every chart as wide as its place, but those that cannot be seen. */
function fitCharts() {
  for (const { host, plot } of charts) {
    const width = Math.max(host.clientWidth, 240);
    if (host.clientWidth && plot.width !== width) plot.setSize({ width, height: plot.height });
  }
}

new ResizeObserver(fitCharts).observe(document.documentElement);
