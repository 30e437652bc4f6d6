"use strict";
// Predict first: shows the question of the moment, sends this browser's vote, and shows who was right.
const tiles = new Map(); // by the index of a server
let drawnQuestion = { id: 0, phase: "" };
let cast = null; // the vote of this browser
let trouble = ""; // why it was not sent

// No name: random digits, so that a later vote of this browser replaces the earlier one.
function voter() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const fresh = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const voter = localStorage.getItem("voter") ?? fresh;
  localStorage.setItem("voter", voter);
  return voter;
}

const voteKey = (id) => `vote ${setup.run} ${id}`;

async function vote() {
  const question = drawnQuestion.id;
  const respond = [...tiles].filter(([, tile]) => tile.box.checked).map(([index]) => index);
  const result = await post("/votes", { question, voter: voter(), respond });
  trouble = result.trouble ?? "";
  if (trouble || question !== drawnQuestion.id) return;
  cast = respond;
  sessionStorage.setItem(voteKey(question), JSON.stringify(respond)); // for a reload
}

const decide = async (run) => {
  const result = await post("/question", { question: drawnQuestion.id, run });
  trouble = result.trouble ?? result.failures.join("; ");
};

function buildQuestion() {
  find("vote").addEventListener("click", vote);
  find("run").addEventListener("click", () => decide(true));
  find("close").addEventListener("click", () => decide(false));
  say(find("rule"), setup.rule);
  if (setup.roomAddress) say(find("where"), `Vote at ${setup.roomAddress}`);
}

function buildTiles({ id, columns }) {
  cast = JSON.parse(sessionStorage.getItem(voteKey(id)));
  tiles.clear();
  for (const index of columns) {
    const box = make("input", { type: "checkbox", checked: cast?.includes(index) ?? false });
    const tile = { box, share: make("span"), result: make("span", { className: "result" }), root: make("label", { className: "tile" }) };
    tile.root.append(box, make("b", { textContent: title(setup.columns[index]) }), tile.share, tile.result);
    tile.root.style.gridColumn = index + 1;
    tiles.set(index, tile);
  }
  find("tiles").replaceChildren(...[...tiles.values()].map((tile) => tile.root));
}

const count = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

function drawQuestion(question) {
  find("question").hidden = !question;
  if (!question) return;
  const { id, phase, attack, votes, addresses } = question;
  if (id !== drawnQuestion.id) buildTiles(question);
  if (id !== drawnQuestion.id || phase !== drawnQuestion.phase) {
    trouble = "";
    find("question").dataset.phase = phase;
    find("vote").hidden = phase !== "open";
    find("run").hidden = phase !== "open" || !isHost();
    find("close").hidden = !isHost();
    find("where").hidden = phase !== "open" || !isHost();
    say(find("close"), phase === "over" ? "Close" : "Cancel");
    for (const { box } of tiles.values()) box.disabled = phase !== "open";
  }
  drawnQuestion = { id, phase };
  say(find("asked"), phase === "over" ? `${attack}: what still responded` : `${attack}: which of these will still respond?`);
  say(find("vote"), cast ? "Vote again" : "Vote");
  say(find("note"), trouble || notes[phase](question));
  const left = phase === "running" ? ` · ${Math.ceil(question.left / 1000)} s` : "";
  say(find("count"), `${count(votes, "vote")} from ${count(addresses, "device")}${left}`);
  if (phase === "over") question.columns.forEach((index, place) => drawResult(index, question, place));
}

const notes = {
  open: () => cast ? "Your vote counts. You can change it until the attack runs." : "Tick the servers that will still respond, and vote.",
  running: () => "The attack runs, and is being measured.",
  over: result,
};

const isRight = (index, responded) => cast.includes(index) === responded;

function drawResult(index, { votes, responded, right }, place) {
  const tile = tiles.get(index);
  tile.root.dataset.responded = responded[place];
  const mine = !cast ? "" : isRight(index, responded[place]) ? " · you are right" : " · you are wrong";
  say(tile.share, votes ? `${right[place]} of ${votes} right` : "");
  say(tile.result, `${responded[place] ? "✓ responded" : "✗ no response"}${mine}`);
}

function result({ votes, allRight, columns, responded }) {
  if (votes === 0) return "No votes.";
  const all = `${Math.round((100 * allRight) / votes)} % of the votes are right about every server: ${allRight} of ${votes}.`;
  if (!cast) return all;
  const mine = columns.filter((index, place) => isRight(index, responded[place])).length;
  return `${all} You are right about ${mine} of ${columns.length}.`;
}
