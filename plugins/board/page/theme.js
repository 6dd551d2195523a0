"use strict";
// Colours of the light and the dark page.

const channels = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);

function mixed(from, to, share) {
  const [start, end] = [channels(from), channels(to)];
  return `rgb(${start.map((value, i) => value + (end[i] - value) * share).join(", ")})`;
}

// Relative luminance, as WCAG 2 has it.
function luminance(colour) {
  const linear = channels(colour).map((value) => (value / 255 <= 0.04045 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

// The text colour that stands out most on a ground.
function clearest(ground, colours) {
  const contrast = (colour) => {
    const [low, high] = [luminance(ground), luminance(colour)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  return colours.reduce((best, colour) => (contrast(colour) > contrast(best) ? colour : best));
}

function themeColours() {
  const probe = document.body.appendChild(document.createElement("i"));
  const resolved = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ["card", "ink", "muted", "line", "best", "below", "even", "above"];
  const colours = Object.fromEntries(names.map((name) => [name, resolved(name)]));
  colours.onStrong = resolved("on-strong");
  colours.models = [0, 1, 2, 3, 4, 5].map((number) => resolved(`model-${number}`));
  probe.remove();
  return colours;
}

function followAirflowsTheme() {
  // Inside Airflow its own light and dark switch decides; elsewhere the system's.
  const chosen = window.parent === window ? null : localStorage.getItem("theme");
  document.documentElement.style.colorScheme = ["light", "dark"].includes(chosen) ? chosen : "";
}
