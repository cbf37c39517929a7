"use strict";
// Everything works without this; with it, pages go on by themselves and show progress while it is made.

for (const form of document.querySelectorAll("form[data-submit]")) form.submit();

for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  });
}

for (const form of document.querySelectorAll("form[data-filter]")) {
  form.addEventListener("change", () => {
    const wanted = form.elements.show.value;
    for (const line of document.querySelectorAll(".log .line")) {
      line.hidden = wanted === "sent" ? line.dataset.kind === "skipped" : wanted !== "" && line.dataset.kind !== wanted;
    }
  });
}

const progress = document.getElementById("progress");
if (progress && progress.dataset.running === "true") {
  const ask = async () => {
    const answer = await fetch("/api/provision/status");
    const now = await answer.json();
    const bar = document.getElementById("bar");
    bar.max = Math.max(now.total, 1);
    bar.value = now.done;
    document.getElementById("step").textContent = now.current;
    if (now.running) window.setTimeout(ask, 400);
    else window.location.replace(`/provisioning?note=${now.last_outcome === "failure" ? "failed" : "done"}`);
  };
  window.setTimeout(ask, 300);
}
