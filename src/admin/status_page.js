"use strict";

// Draws what /status.json tells, every two seconds. Texts from outside only ever become text nodes.

const interval = 2000; // ms between two questions
const patience = 4000; // ms until an answer is given up
const shown = 5 * 60 * 1000; // ms that the charts show
const chart = {width: 600, height: 150};

const signs = {
  good: "M14 25 l7 7 L34 17",
  busy: "M24 12 v13 l9 5",
  warning: "M24 12 v15 M24 35 v.1",
  bad: "M16 16 L32 32 M32 16 L16 32",
};

const outcomes = {
  ok: "Answered",
  graphql_error: "Answered, with an error from the gift card service",
  rejected: "Answered “Unauthorized” by the gift card service",
  bad_request: "Not understood: the app sent something broken",
  forbidden_host: "Refused: host name not allowed",
  forbidden_origin: "Refused: web page not allowed",
  forbidden_peer: "Refused: user not allowed",
  not_found: "Refused: unknown path",
  method_not_allowed: "Refused: HTTP method not allowed",
  request_timeout: "Given up: the app was too slow to send",
  payload_too_large: "Refused: request too large",
  headers_too_large: "Refused: headers too large",
  login_rejected: "Not sent: the login was rejected",
  login_unavailable: "Not sent: no login at that time",
  upstream_unreachable: "Not sent: gift card service not reachable",
  upstream_broken: "Failed: the answer to a query broke off",
  upstream_timeout: "Failed: no answer to a query in time",
  client_closed: "Not sent: the till closed its connection first",
  outcome_unknown: "Outcome unknown: check the card before trying again",
  overloaded: "Not sent: too many requests, or no journal or store to record it in",
  shutting_down: "Not sent: bearerd was stopping",
  already_executed: "Not sent again: it was executed before",
  key_reused: "Not sent: its key belongs to another transaction",
};
const answered = ["ok", "graphql_error", "rejected"];

const tokenStates = {
  empty: "None yet",
  logging_in: "Logging in",
  valid: "Logged in",
  refreshing: "Logged in, being renewed",
  backing_off: "Not logged in, waiting to try again",
  rejected: "Not logged in: rejected",
  stopped: "Stopped",
};
const loginResults = {none: "None yet", ok: "Succeeded", rejected: "Rejected", unavailable: "Failed"};

const history = []; // {at, rate, p50, p99}, the newest last
let previous = null; // {at, total, buckets}

const element = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

function show(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function showRow(id, visible) {
  element(id).hidden = !visible;
}

function duration(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = Math.max(0, units.findIndex(([size]) => seconds >= size));
  if (seconds < 1) return "0 s";
  const [size, name] = units[first];
  const whole = `${Math.floor(seconds / size)} ${name}`;
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return rest ? `${whole} ${rest} ${next[1]}` : whole;
}

function milliseconds(ms) {
  if (ms === null) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function perSecond(rate) {
  return rate === null ? "–" : number.format(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate));
}

// As the daemon does it (admin/totals): linear within a bucket.
function quantile(buckets, q) {
  const all = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (all === 0) return null;
  let below = 0;
  let from = 0;
  for (const {le_ms: to, count} of buckets) {
    if (to === null) break;
    if (count > 0 && below + count >= q * all) return from + ((to - from) * Math.max(0, q * all - below)) / count;
    below += count;
    from = to;
  }
  return from;
}

// What was counted at a moment; the figures are those of the time since the moment before.
function remember(now) {
  const restarted = previous && now.total < previous.total;
  if (previous && !restarted) {
    const seconds = (now.at - previous.at) / 1000;
    if (seconds < 1) return; // too short to tell
    const during = now.buckets.map((bucket, i) => ({le_ms: bucket.le_ms, count: bucket.count - previous.buckets[i].count}));
    history.push({
      at: now.at,
      rate: (now.total - previous.total) / seconds,
      p50: quantile(during, 0.5),
      p99: quantile(during, 0.99),
    });
  }
  previous = now;
}

function miss() {
  previous = null;
  history.push({at: performance.now(), rate: null, p50: null, p99: null});
}

// A round figure above: a scale that stays put while the figures move.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value);
}

function svg(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

// Where the moment of a sample stands: the newest one at the right edge.
function across(i) {
  return chart.width - ((history[history.length - 1].at - history[i].at) * chart.width) / shown;
}

// One path; where there is no figure, the line has a gap. A figure alone is a short dash.
function line(values, top) {
  let path = "";
  let open = false;
  values.forEach((value, i) => {
    if (value === null) {
      open = false;
      return;
    }
    const x = across(i);
    const y = chart.height - (Math.min(value, top) / top) * chart.height;
    path += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (!open) path += "h.1";
    open = true;
  });
  return path;
}

function draw(id, top, lines) {
  const nodes = [0, 0.5].map((part) =>
    svg("line", {x1: 0, x2: chart.width, y1: part * chart.height, y2: part * chart.height}));
  for (const {values, name, area} of lines) {
    if (area && !values.includes(null) && values.length > 1) {
      const edge = `${line(values, top)}L${chart.width} ${chart.height}L${across(0).toFixed(1)} ${chart.height}Z`;
      nodes.push(svg("path", {class: "area", d: edge}));
    }
    nodes.push(svg("path", {class: name, d: line(values, top)}));
  }
  element(id).replaceChildren(...nodes);
}

function drawCharts() {
  const newest = history[history.length - 1]?.at ?? 0;
  while (history.length > 0 && newest - history[0].at > shown) history.shift();
  const of = (key) => history.map((sample) => sample[key]);
  const highest = (values, least) => roundUp(Math.max(least, ...values.filter((value) => value !== null)));
  const latest = history[history.length - 1] ?? {rate: null, p50: null, p99: null};

  const rateTop = highest(of("rate"), 1);
  draw("rate-chart", rateTop, [{values: of("rate"), name: "half", area: true}]);
  show("rate-top", perSecond(rateTop));
  show("rate-now", perSecond(latest.rate));

  const latencyTop = highest(of("p99"), 10);
  draw("latency-chart", latencyTop, [{values: of("p99"), name: "most"}, {values: of("p50"), name: "half"}]);
  show("latency-top", milliseconds(latencyTop));
  show("p50-now", milliseconds(latest.p50));
  show("p99-now", milliseconds(latest.p99));
}

// A screen reader hears of a change once; what only counts down is no news.
function showSummary({level, title, text, advice}) {
  if (element("title").textContent !== title) show("news", `${title}. ${text}`);
  element("banner").dataset.level = level;
  element("sign").setAttribute("d", signs[level] ?? signs.bad);
  show("title", title);
  show("text", text);
  show("advice", advice);
  showRow("advice", advice !== "");
  document.title = `${title} – bearerd`;
}

function showLogin({token, login}) {
  const left = token.expires_in_s;
  show("identity", token.identity || "–");
  show("token-state", tokenStates[token.state] ?? token.state);
  const until = left === null ? null : new Date(Date.now() + left * 1000);
  const clock = until?.toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});
  show("expires", until ? `${clock}, in ${duration(left)}` : "–");
  const reason = login.last_reason ? `: ${login.last_reason}` : "";
  show("last-login", (loginResults[login.last_result] ?? login.last_result) + reason);
  showRow("next-try-row", login.next_try_s !== null);
  if (login.next_try_s !== null) show("next-try", `in ${duration(login.next_try_s)}`);
}

function showUpstream(upstream) {
  const {idle, busy, warm} = upstream.connections;
  show("url", upstream.url);
  show("reachable", upstream.reachable === null ? "Not tried yet" : upstream.reachable ? "Yes" : "No");
  show("connections", `${busy} busy, ${idle} idle, ${warm ? "one" : "none"} warm for the next sale`);
  const {used} = upstream.idle_limit;
  const survived = used.survived_s === null ? "Not known yet" : `At least ${number.format(used.survived_s)} s`;
  show("idle-limit", used.closes_at_s === null ? survived : `${number.format(used.closes_at_s)} s`);
  showRow("throttle-row", upstream.throttle_available !== null);
  if (upstream.throttle_available !== null) show("throttle", number.format(upstream.throttle_available));
  const ago = upstream.last_error === null ? "" : ` (${duration(upstream.last_error_age_s)} ago)`;
  show("last-error", upstream.last_error === null ? "None" : upstream.last_error + ago);
}

function showRequests(requests) {
  const counts = Object.entries(requests.by_outcome);
  const failed = counts.filter(([name]) => !answered.includes(name)).reduce((sum, [, count]) => sum + count, 0);
  show("total", number.format(requests.total));
  show("in-flight", number.format(requests.in_flight));
  show("failed", number.format(failed));
  show("unknown", number.format(requests.by_outcome.outcome_unknown ?? 0));
  const found = requests.reconciliations?.found ?? 0;
  showRow("found-row", found > 0);
  show("found", number.format(found));
  show("clients", number.format(requests.client_connections));
  const rows = counts.filter(([name, count]) => count > 0 || name === "ok").map(([name, count]) => {
    const row = document.createElement("tr");
    const what = row.appendChild(document.createElement("td"));
    what.textContent = outcomes[name] ?? name;
    what.classList.toggle("failure", name === "outcome_unknown");
    const how = row.appendChild(document.createElement("td"));
    how.className = "number";
    how.textContent = number.format(count);
    return row;
  });
  element("outcomes").replaceChildren(...rows);
}

function showJournal(journal) {
  showRow("journal-row", journal !== null);
  showRow("unheard-row", journal !== null && journal.unheard > 0);
  showRow("journal-fault", journal !== null && !journal.working);
  showListed(journal?.listed ?? []);
  if (journal === null) return;
  show("journal", number.format(journal.unresolved));
  show("unheard", number.format(journal.unheard));
}

// A key or an id is read and copied as a whole; only a very long one takes several lines.
function wide(text) {
  return text.length > 64 ? "long" : "whole";
}

/** What somebody has to look after: time, request id, field and key; the newest first. */
function showListed(items) {
  element("listed-card").hidden = items.length === 0;
  const rows = items.map((item) => {
    const row = document.createElement("tr");
    const key = item.key || "no key";
    const cells = [
      [new Date(item.at_ms).toLocaleString(), ""],
      [key, wide(key)],
      [item.fields, ""],
      [item.executed === "unknown" ? "Unknown" : "Executed, but the till got no answer", ""],
      [item.request_id, wide(item.request_id)],
    ];
    for (const [text, width] of cells) {
      const cell = row.appendChild(document.createElement("td"));
      cell.textContent = text;
      cell.className = width;
    }
    return row;
  });
  element("listed").replaceChildren(...rows);
}

async function ask(what) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  try {
    const answer = await fetch(what, {signal: abort.signal, cache: "no-store"});
    if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
    return await answer.json();
  } finally {
    clearTimeout(timer);
  }
}

// The minutes before the page was opened.
async function recall() {
  const {le_ms: bounds, samples} = await ask("history.json");
  const now = performance.now();
  for (const sample of samples) {
    const buckets = bounds.map((le_ms, i) => ({le_ms, count: sample.latency[i]}));
    remember({at: now - sample.age_s * 1000, total: sample.requests, buckets});
  }
}

async function update() {
  try {
    const status = await ask("status.json");
    remember({at: performance.now(), total: status.requests.total, buckets: status.requests.latency.buckets});
    showSummary(status.summary);
    showLogin(status);
    showUpstream(status.upstream);
    showRequests(status.requests);
    showJournal(status.journal ?? null);
    show("version", status.version);
    show("host", status.host ? `on ${status.host}` : "");
    show("uptime", `running for ${duration(status.uptime_s)}`);
    show("updated", `As of ${new Date().toLocaleTimeString()}`);
  } catch (failure) {
    miss();
    showSummary({
      level: "bad",
      title: "No answer",
      text: "bearerd does not answer on this machine; what is shown below is old.",
      advice: "Check that bearerd is running: systemctl status bearerd",
    });
  }
  drawCharts();
  setTimeout(update, interval);
}

async function begin() {
  try {
    await recall();
  } catch {
    // Then the charts begin now; if bearerd does not answer, update() says so.
  }
  update();
}

begin();
