// Shows the details of a bar without the delay of a tooltip: of the bar under the pointer or, in a focused panel, the one chosen with the arrow keys.
const hint = document.createElement("p");
hint.textContent = "Point at a bar to see its details, or focus a panel with Tab and choose a bar with ← and →.";
document.querySelector(".legend > p").after(hint);
for (const claim of document.querySelectorAll(".claim")) {
  const readout = claim.querySelector(".readout");
  let shown = null;
  const show = (bar) => {
    if (shown) shown.classList.remove("shown");
    if (bar) bar.classList.add("shown");
    shown = bar;
    const title = bar && bar.querySelector("title");
    const stage = bar && bar.closest(".panel").querySelector("h3").textContent;
    readout.textContent = title ? `${stage} · ${title.textContent}` : "";
  };
  claim.addEventListener("pointerover", (event) => {
    const bar = event.target.closest(".plot .bar");
    if (bar) show(bar);
  });
  claim.addEventListener("pointerleave", () => show(null));
  claim.addEventListener("focusout", () => show(null));
  claim.addEventListener("keydown", (event) => {
    const bars = [...event.target.querySelectorAll(".bar")];
    const at = bars.indexOf(shown);
    const next = { ArrowRight: at + 1, ArrowLeft: at < 0 ? bars.length - 1 : at - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (!event.target.matches(".plot") || next === undefined || !bars.length) return;
    event.preventDefault();
    show(bars[Math.min(Math.max(next, 0), bars.length - 1)]);
  });
}
