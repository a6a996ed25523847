/* What a wiki's pages do better with a script. Nothing here is needed to read, edit or save. */
"use strict";
(() => {
  const $ = (q) => document.querySelector(q);

  /* Times: the page says when, in full; here it becomes how long ago. */
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const ago = () => {
    for (const t of document.querySelectorAll("time[datetime]")) {
      const s = (new Date(t.dateTime) - Date.now()) / 1000;
      if (!(Math.abs(s) < 2629800) || !t.title) continue;
      const unit = units.find(([, n]) => Math.abs(s) >= n);
      t.textContent = unit ? words.format(Math.round(s / unit[1]), unit[0]) : "just now";
    }
  };
  ago();
  setInterval(ago, 60000);

  /* Keys: "/" searches, "e" edits, Ctrl+S saves. */
  const form = $("form[data-guard]");
  addEventListener("keydown", (e) => {
    if (form && (e.ctrlKey || e.metaKey) && e.key === "s") {
      e.preventDefault();
      form.requestSubmit();
    }
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, [contenteditable]")) return;
    const to = e.key === "/" ? $("#q") : e.key === "e" ? $("#edit") : null;
    if (!to) return;
    e.preventDefault();
    to.href ? to.click() : to.select();
    to.focus();
  });

  /* Unsaved text is not left without asking. */
  if (form) {
    let dirty = "dirty" in form.dataset;
    form.addEventListener("input", () => { dirty = true; });
    form.addEventListener("submit", () => { dirty = false; });
    addEventListener("beforeunload", (e) => { if (dirty) e.preventDefault(); });
  }

  /* "On this page" follows the reading. */
  const entries = new Map([...document.querySelectorAll(".toc.wide a")].map((a) => [decodeURIComponent(a.hash.slice(1)), a]));
  if (entries.size && "IntersectionObserver" in window) {
    const seen = new Set();
    const order = [...entries.keys()];
    let last = null;
    const watch = new IntersectionObserver((changes) => {
      for (const c of changes) c.isIntersecting ? seen.add(c.target.id) : seen.delete(c.target.id);
      const first = order.find((id) => seen.has(id));
      if (!first || entries.get(first) === last) return;
      last?.removeAttribute("aria-current");
      last = entries.get(first);
      last.setAttribute("aria-current", "true");
    }, { rootMargin: "-64px 0px -60% 0px" });
    for (const id of order) {
      const heading = document.getElementById(id);
      if (heading) watch.observe(heading);
    }
  }

  /* The narrow contents list closes once it has led somewhere. */
  $(".toc.narrow")?.addEventListener("click", (e) => { if (e.target.closest("a")) e.currentTarget.open = false; });
})();
