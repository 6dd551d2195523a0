"use strict";
// The colours of the light or the dark page. PALETTES comes from training/report/colours.py.

function themeName() {
  const systems = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  return document.documentElement.style.colorScheme || systems;
}

const themeColours = () => PALETTES[themeName()];

function followAirflowsTheme() {
  // Inside Airflow its own light and dark switch decides; elsewhere the system's.
  const chosen = window.parent === window ? null : localStorage.getItem("theme");
  document.documentElement.style.colorScheme = ["light", "dark"].includes(chosen) ? chosen : "";
}
