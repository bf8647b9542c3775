// The charts' JavaScript: ECharts cut down to the parts that the pages use, behind one function.
//
// `make` bundles it into public/charts.js, which the chart component imports when a page has a chart. Options
// arrive as JSON, so they hold no functions: the content security policy forbids building any from text.
// A string "var(--name)" anywhere in the options stands for that CSS custom property as a colour, so that
// charts follow the style sheet and its light and dark schemes; everything else about their look is the theme
// below.

import { BarChart, LineChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, CanvasRenderer, DataZoomComponent, GridComponent, LegendComponent, LineChart, TooltipComponent]);

/** Series that name no colour of their own take these in turn. */
const SERIES = ["--accent", "--phase-auth", "--phase-database", "--phase-query", "--phase-tcp", "--phase-dns"];

/** Calls `use` with what turns a custom property into the colour it computes to now, `light-dark()` resolved. */
function withColours(use) {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name}, currentColor)`;
    return getComputedStyle(probe).color;
  };
  try {
    return use(colour);
  } finally {
    probe.remove();
  }
}

/** A copy of the options in which every "var(--name)" is its colour. */
function resolved(value, colour) {
  if (typeof value === "string") {
    const name = /^var\((--[\w-]+)\)$/.exec(value);
    return name ? colour(name[1]) : value;
  }
  if (Array.isArray(value)) {
    // Data points are numbers by the thousand: only what may hold a colour is walked.
    return value.map((item) => (typeof item === "number" ? item : resolved(item, colour)));
  }
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, colour)]));
  }
  return value;
}

/** What all charts share: colours and type of the page around them. */
function theme(element, colour) {
  const fontFamily = getComputedStyle(element).fontFamily;
  const label = { color: colour("--ink-2"), fontFamily, fontSize: 12 };
  const line = { lineStyle: { color: colour("--line") } };
  const axis = { axisLabel: label, axisLine: line, axisTick: line, splitLine: line, nameTextStyle: label };
  return {
    color: SERIES.map(colour),
    textStyle: { fontFamily },
    categoryAxis: { ...axis, splitLine: { show: false } },
    timeAxis: { ...axis, splitLine: { show: false } },
    valueAxis: axis,
    logAxis: axis,
    legend: { textStyle: label, inactiveColor: colour("--ink-3") },
    tooltip: {
      backgroundColor: colour("--surface"),
      borderColor: colour("--line"),
      textStyle: { ...label, color: colour("--ink") },
    },
  };
}

/** The parts of every option that are not a matter of looks. */
function completed(option) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    animation: !still,
    animationDuration: 150,
    animationDurationUpdate: 150,
    ...option,
    // The HTML tooltip writes style attributes, which the content security policy blocks.
    tooltip: { trigger: "axis", ...option.tooltip, renderMode: "richText" },
  };
}

/**
 * Draws a chart into an element that has a size, and keeps it fitting and in the page's colours.
 *
 * @param {HTMLElement} element
 * @param {string} optionJson ECharts options
 * @returns {{set(optionJson: string): void, dispose(): void}} `set` draws new options and keeps what the reader
 *   zoomed to or switched off; after `dispose` nothing of the chart is left.
 */
export function mount(element, optionJson) {
  let option = completed(JSON.parse(optionJson));
  const chart = init(element, withColours((colour) => theme(element, colour)));
  // What the reader zoomed to or switched off stays.
  const draw = () => chart.setOption(withColours((colour) => resolved(option, colour)), { replaceMerge: ["series"] });
  const repaint = () => {
    chart.setTheme(withColours((colour) => theme(element, colour)));
    draw();
  };
  draw();

  const resized = new ResizeObserver(() => chart.resize());
  resized.observe(element);

  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", repaint);
  const switched = new MutationObserver(repaint);
  switched.observe(document.documentElement, { attributeFilter: ["class", "data-theme"] });

  return {
    set(json) {
      option = completed(JSON.parse(json));
      draw();
    },
    dispose() {
      resized.disconnect();
      switched.disconnect();
      scheme.removeEventListener("change", repaint);
      chart.dispose();
    },
  };
}
