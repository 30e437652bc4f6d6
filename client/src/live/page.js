"use strict";
// Asks for the state ten times a second and draws it. The newest state wins; nothing is queued.
const setup = JSON.parse(document.getElementById("setup").textContent);
const find = (id) => document.getElementById(id);
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && key !== "role") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
};
const drawn = (name, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };

// The key of the printed address makes this browser the host's; it leaves the address bar, and stays for a reload
// of this run's page.
const keyName = `key ${setup.run}`;
const given = location.hash.slice(1);
if (/^[0-9a-f]{32}$/.test(given)) {
  sessionStorage.setItem(keyName, given);
  history.replaceState(null, "", "/");
}
addEventListener("hashchange", () => location.reload()); // the address of another run, opened in this tab
const key = sessionStorage.getItem(keyName);
const isHost = () => key !== null;
const mayAttack = () => isHost() || setup.visitorsAttack;
// A visitor's phone shows each server's state, and the vote.
const small = matchMedia("(max-width: 40rem)");
const isOverview = () => small.matches && !mayAttack();

// ---- actions

let target = -1; // all
let rate = 4;
let state = null;

const chosen = () => (target < 0 ? setup.columns.map((_, index) => index) : [target]);

// Sends it; what could not be done is in `failures`, and why it was not even tried in `trouble`.
async function post(path, body) {
  const headers = { "content-type": "application/json", authorization: `Key ${key ?? setup.key}` };
  try {
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    const result = await response.json();
    return response.ok ? result : { trouble: result.detail };
  } catch {
    return { trouble: "The client does not respond: is it still running?" };
  }
}

async function act(action, more = {}) {
  const { trouble, failures } = await post("/actions", { action, columns: chosen(), ...more });
  const text = trouble ?? failures.join("; ");
  if (text) say(find("hint"), text);
}

const attack = (action, more) => act(action, { ...more, ask: isHost() && find("predict").checked });

const byHand = (action) => {
  const index = target < 0 ? 0 : target;
  const column = setup.columns[index];
  const pid = state?.columns[index]?.pid ?? "PID";
  return action.command
    .replace("{addr}", column.addr).replace("{pid}", pid).replace("{stage}", column.stage ?? "N").replace("{rate}", rate);
};
const explain = (action) => {
  const hint = find("hint");
  const isCommand = !action.command.startsWith("Ctrl-C");
  hint.replaceChildren(`${action.tip}. By hand: `, isCommand ? make("code", { textContent: byHand(action) }) : action.command);
};

// ---- controls

const buttons = new Map();
function buildControls() {
  const targets = find("targets");
  const choices = [["all", -1], ...setup.columns.map((column, index) => [title(column), index])];
  for (const [label, index] of choices) {
    const radio = make("input", { type: "radio", name: "target", value: String(index), checked: index === target });
    radio.addEventListener("change", () => choose(index));
    targets.append(make("label", {}, radio, make("span", { textContent: label })));
  }
  const groups = {};
  for (const action of setup.actions) {
    const group = (groups[action.group] ??= make("div", { className: `group ${action.group}` }));
    if (!group.isConnected) find("buttons").append(group);
    let control;
    if (action.name === "steady") {
      const output = make("output", { textContent: `${rate}/s` });
      control = make("input", { type: "range", min: 0, max: STEPS.length - 1, value: STEPS.indexOf(rate), id: "rate" });
      const start = make("button", { type: "button", textContent: action.label, title: action.tip, id: "steady" });
      control.setAttribute("aria-label", "Rate of the steady load");
      control.setAttribute("aria-valuetext", `${rate} a second`);
      control.addEventListener("input", () => {
        rate = STEPS[control.value];
        output.textContent = `${rate}/s`;
        control.setAttribute("aria-valuetext", `${rate} a second`);
        explain(action);
      });
      control.addEventListener("change", () => {
        if (chosen().some((index) => state?.columns[index].steady)) act("steady", { rate });
      });
      start.addEventListener("click", () => attack("steady", { rate }));
      watch(start, action);
      group.append(start, control, output);
      buttons.set("steady", start).set("rate", control);
    } else if (action.name === "retry") {
      control = make("input", { type: "checkbox", id: "retry" });
      control.addEventListener("change", () => act("retry", { on: control.checked }));
      const label = make("label", { className: "check", title: action.tip }, control, action.label);
      watch(label, action);
      group.append(label);
      buttons.set("retry", control);
    } else {
      control = make("button", { type: "button", textContent: action.label, title: action.tip, id: action.name });
      control.addEventListener("click", () => {
        if (action.name === "calm") choose(-1);
        if (ATTACKS.includes(action.group)) attack(action.name);
        else act(action.name);
      });
      watch(control, action);
      group.append(control);
      buttons.set(action.name, control);
    }
  }
}
const ATTACKS = ["hold", "send"]; // beside the steady load
const STEPS = [1, 2, 3, 4, 6, 8, 12, 20, 40, 100];
const watch = (element, action) => {
  for (const event of ["pointerenter", "focusin", "click"]) element.addEventListener(event, () => explain(action));
};

function choose(index) {
  target = index;
  document.querySelector(`input[name=target][value="${index}"]`).checked = true;
  for (const column of views) column.root.classList.toggle("chosen", column.index === index);
  showRole();
}

function showRole() {
  find("watching").hidden = mayAttack();
  find("predict").parentElement.hidden = !isHost();
  for (const action of setup.actions) {
    const isProcess = action.group === "process";
    const hasProcess = chosen().some((index) => setup.columns[index].hasProcess);
    const works = action.works && (isProcess ? isHost() && hasProcess : mayAttack());
    buttons.get(action.name).disabled = !works;
  }
  buttons.get("rate").disabled = !mayAttack();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input[type=range], input[type=text]")) return;
  const digit = /^[0-9]$/.test(event.key) ? Number(event.key) : -1;
  if (digit > setup.columns.length || digit < 0) return;
  choose(digit - 1);
});

// ---- columns

const title = (column) => (column.stage ? `${column.stage} ${column.name}` : column.name);
const views = [];
const KINDS = [
  ["waiting", "waiting"], ["served", "served"], ["accepted", "accepted (202)"], ["shed", "rejected: no capacity (503)"],
  ["rejected", "rejected: bad request (4xx)"], ["timed-out", "no response"], ["failed", "failed"], ["held", "held open by an attack"],
];
const SVG_SLOTS = 100; // the width of a plot, in its own units, is that of its slots

function buildColumns() {
  setup.columns.forEach((column, index) => {
    const plot = drawn("svg", { class: "plot", role: "img", preserveAspectRatio: "none" });
    const rates = drawn("svg", { class: "rates", role: "img", viewBox: "0 0 30 1", preserveAspectRatio: "none" });
    const view = {
      index, plot, rates, bars: new Map(),
      state: make("p", { className: "state" }, make("b"), make("span")),
      scale: make("p", { className: "scale", ariaHidden: "true" }),
      flight: make("p", { className: "flight" }),
      rate: make("p", { className: "rate" }),
      queue: make("div", { className: "queue" }),
      usage: make("p", { className: "usage" }),
      root: make("section", { className: "column", ariaLabel: title(column) }),
    };
    const heading = make("h2", {}, column.stage ? make("b", { textContent: column.stage }) : "", column.name);
    heading.addEventListener("click", () => choose(index));
    view.root.append(
      heading, view.state, make("div", { className: "frame" }, view.scale, plot), view.flight,
      make("div", { className: "frame" }, view.rate, rates), view.queue, view.usage,
    );
    for (let second = 0; second < 30; second += 1) {
      for (const kind of RATED) rates.append(drawn("rect", { class: kind, x: second, width: 0.8 }));
    }
    views.push(view);
    find("columns").append(view.root);
  });
  document.body.style.setProperty("--count", String(setup.columns.length));
  for (const [kind, text] of KINDS) {
    const swatch = drawn("svg", { class: `swatch bar ${kind}`, "aria-hidden": "true" });
    swatch.append(drawn("rect", { width: "100%", height: "100%" }));
    find("legend").append(make("li", {}, swatch, text));
  }
}
const RATED = ["served", "accepted", "shed", "rejected", "failed"];

const seconds = (ms) => (ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`);
const short = (ms) => (ms < 1000 ? `${ms} ms` : seconds(ms));
const mega = (bytes) => `${(bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0)} MiB`;

// What a request has waited by now.
const age = (bar, now) => (bar[2] ?? now) - bar[1];
const ENDS = ["held", "served", "accepted", "shed", "rejected", "timed-out", "failed", "stopped", "waiting"];

function draw(now, overview) {
  if (overview) {
    views.forEach((view, index) => drawState(view, state.columns[index], now));
    return;
  }
  // requests that were due together are sorted by how they ended, and then by how long they waited, as in compare
  const order = (a, b) => a[1] - b[1] || ENDS.indexOf(a[3]) - ENDS.indexOf(b[3]) || age(a, now) - age(b, now);
  const shown = state.columns.map((column) => column.bars.sort(order));
  // one scale for all: the tallest bar that waits for a response, with air above it
  const tallest = Math.max(...shown.flat().filter((bar) => bar[3] !== "held").map((bar) => age(bar, now)), 0);
  const top = [1000, 2000, 5000, 10000, 20000, 60000].find((limit) => tallest <= limit) ?? 120000;
  const busiest = Math.max(4, ...state.columns.flatMap((column) => column.rate.map((counts) => counts.reduce((a, b) => a + b))));
  views.forEach((view, index) => drawColumn(view, state.columns[index], shown[index], { now, top, busiest }));
}

function drawColumn(view, column, bars, { now, top, busiest }) {
  drawState(view, column, now);
  const slots = Math.max(24, bars.length);
  view.plot.setAttribute("viewBox", `0 0 ${slots} ${SVG_SLOTS}`);
  const old = new Set(view.bars.keys());
  bars.forEach((bar, place) => {
    old.delete(bar[0]);
    let rect = view.bars.get(bar[0]);
    if (!rect) {
      rect = drawn("rect", { width: 0.8 });
      rect.append(drawn("title"));
      view.bars.set(bar[0], rect);
      view.plot.append(rect);
    }
    const height = Math.max(2, Math.min(SVG_SLOTS, (age(bar, now) / top) * SVG_SLOTS));
    rect.setAttribute("class", bar[3]);
    rect.setAttribute("x", slots - bars.length + place + 0.1);
    rect.setAttribute("y", SVG_SLOTS - height);
    rect.setAttribute("height", height);
    if (bar[2] !== null && rect.dataset.over !== "yes") {
      rect.dataset.over = "yes";
      rect.firstChild.textContent = `${bar[4]}: ${bar[5]} after ${short(age(bar, now))}`;
    }
  });
  for (const id of old) {
    view.bars.get(id).remove();
    view.bars.delete(id);
  }
  say(view.scale, seconds(top));
  const held = column.held ? ` · ${column.held} held` : "";
  say(view.flight, `${column.in_flight} in flight${held}`);
  view.flight.classList.toggle("many", column.in_flight >= 3);
  view.plot.setAttribute("aria-label", `${column.in_flight} requests in flight, ${column.held} connections held, ${bars.length} bars`);
  const counts = column.rate.at(-2) ?? [0, 0, 0, 0, 0];
  const responses = counts.slice(0, 4).reduce((a, b) => a + b);
  say(view.rate, `${count(responses, "response")}/s`);
  view.rates.setAttribute("aria-label", `${count(responses, "response")} in the last second`);
  column.rate.forEach((second, place) => {
    let y = 1;
    second.forEach((count, kind) => {
      const height = count / busiest;
      y -= height;
      const rect = view.rates.children[place * RATED.length + kind];
      rect.setAttribute("y", y);
      rect.setAttribute("height", height);
    });
  });
  drawQueue(view, column.queue);
  const usage = [];
  if (column.cpu !== null) usage.push(`${Math.round(column.cpu * 100)} % of a core`, mega(column.memory));
  usage.push(setup.columns[view.index].addr);
  if (column.steady) usage.push(`load ${column.steady}/s`);
  if (column.not_sent) usage.push(`${column.not_sent} not sent`);
  say(view.usage, usage.join(" · "));
}

function drawState(view, column, now) {
  const { is, text, since, ms } = column.state;
  const [word, more] = {
    responds: ["responds", ms === null ? "" : ms < 1 ? "in under 1 ms" : `in ${short(ms)}`],
    silent: ["no response", `for ${seconds(now - (since ?? now))}`],
    failing: ["fails", text],
    starting: ["starting", ""],
    paused: ["paused", since ? "" : "its process is stopped"],
    ended: ["down", text],
  }[is];
  view.root.dataset.state = is;
  say(view.state.firstChild, word);
  say(view.state.lastChild, more);
}

function drawQueue(view, queue) {
  view.queue.hidden = !queue;
  if (!queue) return;
  const places = Math.min(queue.capacity, 64);
  while (view.queue.children.length < places + 1) view.queue.append(make("i"));
  while (view.queue.children.length > places + 1) view.queue.lastChild.remove();
  const label = view.queue.firstChild;
  if (label.tagName !== "P") label.replaceWith(make("p"));
  say(view.queue.firstChild, `queue ${queue.queued} of ${queue.capacity} · ${queue.processed ?? "?"} done`);
  const filled = Math.ceil((queue.queued / queue.capacity) * places);
  [...view.queue.children].slice(1).forEach((place, index) => place.classList.toggle("full", index < filled));
}

function drawLines() {
  const list = find("lines");
  const wanted = state.lines.slice(-6).reverse().map(([at, line]) => `${seconds(at)}  ${line}`);
  if (list.dataset.text === wanted.join("\n")) return;
  list.dataset.text = wanted.join("\n");
  list.replaceChildren(...wanted.map((line) => make("li", { textContent: line })));
}

// ---- the state, again and again

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function follow() {
  for (;;) {
    const began = performance.now();
    try {
      const overview = isOverview();
      document.body.classList.toggle("overview", overview);
      const response = await fetch(overview ? "/overview" : "/state", { signal: AbortSignal.timeout(3000) });
      if (!response.ok) throw new Error(response.statusText);
      const news = await response.json();
      if (news.run !== setup.run) return location.reload(); // the client was started again
      state = news;
      find("lost").hidden = true;
      draw(state.now, overview);
      drawQuestion(state.question);
      drawLines();
      const { retry } = state.columns[chosen()[0]];
      if (document.activeElement !== buttons.get("retry")) buttons.get("retry").checked = retry ?? false;
    } catch (error) {
      find("lost").hidden = false;
      say(find("lost"), "No news from the client: is it still running? Trying again.");
      document.body.dataset.error = String(error);
      await sleep(700);
    }
    // a page that is out of sight asks once a second
    const every = document.hidden ? 1000 : isOverview() ? 400 : 100;
    await sleep(Math.max(20, every - (performance.now() - began)));
  }
}

buildColumns();
buildControls();
buildQuestion();
find("hint").append(` ${setup.bounds}`);
showRole();
follow();
