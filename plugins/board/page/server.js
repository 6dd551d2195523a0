"use strict";
// Requests to the server, and elements for its answers. Answers are inserted as text, never as HTML.

const byId = (id) => document.getElementById(id);

function element(tag, text = "", classes = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (classes) made.className = classes;
  return made;
}

const headCell = (title, classes = "") => Object.assign(element("th", title, classes), { scope: "col" });

async function ask(path, parameters = []) {
  const query = new URLSearchParams(parameters.filter(([, value]) => value)).toString();
  const answer = await fetch(query ? `${path}?${query}` : path, { credentials: "same-origin" });
  if (answer.status === 401) throw new Error("Your session has expired: sign in to Airflow again.");
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof content.detail === "string" ? content.detail : `The server answered ${answer.status}.`);
  return content;
}
