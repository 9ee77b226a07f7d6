// Asks the server for everything that the page shows, once a second, and draws it anew.
"use strict";

const PAUSE_MS = 1000;
const METRICS = { roc_auc: "ROC AUC", pr_auc: "PR AUC", log_loss: "log loss", lift_at_10_percent: "lift 10 %" };
const NOTHING = { runs: "There are no runs yet.", health: "Not checked yet.", destinations: "All destinations are off.", letters: "There are none." };
let chosen = location.hash.slice(1);
let drawn = "";

const byId = (id) => document.getElementById(id);

function element(name, content, attributes = {}) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...[content].flat().filter((one) => one !== null && one !== undefined));
  return made;
}

function table(id, titles, rows, caption) {
  const head = element("tr", titles.map((title) => element("th", title, { scope: "col" })));
  const body = rows.map(({ cells, className = "" }) =>
    element("tr", cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : element("td", cell ?? ""))), { className }));
  byId(id).replaceChildren(...(rows.length
    ? [...(caption ? [element("caption", caption)] : []), element("thead", head), element("tbody", body)]
    : NOTHING[id] ? [element("tbody", element("tr", element("td", NOTHING[id])))] : []));
}

const state = (text) => element("span", text, { className: text });
const minutes = (text) => (text ? text.slice(0, 16).replace("T", " ") : "-");

function drawNow({ champion, newest_run: run, data, dead_letters: letters, alerts }) {
  const tiles = {
    Champion: champion ? `version ${champion.version} of run ${champion.run_id}` : "none yet",
    "Newest run": run ? [`${run.run_id}: `, state(run.state)] : "none yet",
    Data: data ? `until ${data.newest_day}, ${data.days_ago} days ago` : "none read yet",
    "Dead letters": String(letters),
  };
  byId("tiles").replaceChildren(...Object.entries(tiles).flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  byId("alerts").replaceChildren(...alerts.map((one) =>
    element("p", [state(one.severity), ` ${one.title}: ${one.found} (docs/runbook.md#${one.alert})`])));
}

function drawRuns(runs, current) {
  table("runs", ["run", "kind", "opened", "last step", "state"], runs.map((run) => ({
    className: run.run_id === current ? "chosen" : "",
    cells: [
      [choose(run.run_id), run.is_champion ? " champion" : ""],
      run.kind, minutes(run.opened_at), run.last_step, [state(run.state), run.why ? ` ${run.why}` : ""],
    ],
  })));
}

function choose(run) {
  return element("button", run, { type: "button", onclick: () => { chosen = run; location.hash = run; refresh(); } });
}

function drawRun(run, steps, hasReport) {
  if (!run) { byId("run-about").textContent = "There are no runs yet."; return; }
  const report = hasReport ? [" ", element("a", "report", { href: `/reports/${run.run_id}` })] : [];
  byId("run-about").replaceChildren(`${run.run_id}, ${run.kind}: `, state(run.outcome), run.reason ? ` ${run.reason}` : "", ...report);
  const known = run.kind === "training" ? steps : Object.keys(run.seconds);
  let isNext = !run.has_ended;
  byId("steps").replaceChildren(...known.map((step) => {
    const seconds = run.seconds[step];
    if (seconds !== undefined) return element("li", `${step}: ${seconds.toFixed(1)} s`, { className: "done" });
    const className = isNext ? "running" : "";
    isNext = false;
    return element("li", className ? `${step}: running` : `${step}: -`, { className });
  }));
  drawCandidates(run.evaluation);
  table("checks", ["check", "result", "found"], Object.entries(run.checks ?? {}).map(([name, check]) =>
    ({ cells: [name, state(check.is_ok ? "ok" : name.split("/")[0] === "fail" ? "failed" : "warn"), check.found] })), "Checks of the data");
}

function drawCandidates(evaluation) {
  const rows = evaluation
    ? [...Object.entries(evaluation.candidates), ...Object.entries(evaluation.test).map(([name, one]) => [`${name}, test`, one])]
    : [];
  table("candidates", ["model", ...Object.values(METRICS)], rows.map(([name, measured]) => ({
    cells: [name, ...Object.keys(METRICS).map((metric) => withInterval(measured, metric))],
  })), "Candidates on the evaluation visitors, then the winner on the test visitors, with 95 % intervals");
}

function withInterval(measured, metric) {
  const [value, [low, high]] = [measured[metric], measured.intervals[metric] ?? [null, null]];
  const text = (number) => (number === null ? "?" : number.toPrecision(3));
  return value === null ? "-" : `${text(value)} (${text(low)} to ${text(high)})`;
}

function drawDestinations(rows) {
  const sum = (counts) => Object.values(counts).reduce((one, other) => one + other, 0);
  table("destinations", ["destination", "run", "planned", "sent", "confirmed", "refused", "why"], rows.map((row) => ({
    cells: [
      row.destination, row.run_id ? choose(row.run_id) : "none yet",
      ...[sum(row.planned), row.sent, row.confirmed, sum(row.refused)].map(String), row.why.join("; "),
    ],
  })));
}

function drawLetters(letters) {
  table("letters", ["message", "function", "why", ""], letters.map((letter) => ({
    cells: [letter.message, letter.function, letter.reason,
      element("button", "send again", { type: "button", className: "action", onclick: () => replay(letter.message) })],
  })));
}

async function replay(message) {
  const answer = await fetch(`/replay/${encodeURIComponent(message)}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  const document = await answer.json();
  byId("letters-answer").textContent = document.error ?? `${message} was sent again.`;
  refresh();
}

function draw(found) {
  drawNow(found.status);
  drawRuns(found.runs, found.run?.run_id);
  drawRun(found.run, found.steps, found.runs.some((one) => one.run_id === found.run?.run_id && one.report));
  const findings = found.status.health?.findings ?? [];
  table("health", ["check", "state", "found"], findings.map((one) => ({ cells: [one.check.replaceAll("_", " "), state(one.state), one.found] })));
  drawDestinations(found.status.destinations);
  drawLetters(found.dead_letters);
  const log = byId("log");
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.replaceChildren(...found.log.map((line) => element("div", [`${line.at.slice(11, 19)} `, state(line.severity), ` ${line.message}`])));
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  try {
    const answer = await fetch(`/state?run=${encodeURIComponent(chosen)}`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(JSON.parse(text).error ?? answer.statusText);
    // Draw only after a change. Otherwise a selection or the focus would be lost each second.
    const { status: { at, ...status }, ...others } = JSON.parse(text);
    const now = JSON.stringify([status, others]);
    if (now !== drawn) { draw({ status, ...others }); drawn = now; }
    byId("connection").textContent = `as of ${new Date(at).toLocaleTimeString()}`;
  } catch (error) {
    byId("connection").textContent = `no answer: ${error.message}`;
  }
}

(async function watch() {
  for (;;) { await refresh(); await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); }); }
})();
