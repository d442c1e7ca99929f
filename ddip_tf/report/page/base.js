/* What every page does: light and dark, and its charts. */

const page = JSON.parse(document.getElementById("data").textContent);
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const dark = matchMedia("(prefers-color-scheme: dark)");

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  one("#theme").textContent = theme === "dark" ? "Light" : "Dark";
  redrawCharts();
}

/** The last step of opening a page. */
function ready() {
  all("[data-chart]").forEach((host) => drawChart(host, page.charts[host.dataset.chart]));
  document.documentElement.dataset.ready = "yes";
}

one("#theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
setTheme(dark.matches ? "dark" : "light");
