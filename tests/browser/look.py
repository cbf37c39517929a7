"""Looks at a page of ours as people do: in two sizes, in light and dark, with the keyboard."""

SIZES = {"360": (360, 740), "1440": (1440, 900)}

# Every visible text against what is behind it (WCAG 2.2, 1.4.3), and whether anything sticks out.
JUDGE = """() => {
  const faults = [];
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) faults.push(`${wide} px too wide`);
  const light = (c) => {
    const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const read = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const box = element.getBoundingClientRect();
    if (box.right > window.innerWidth + 1 || box.left < -1) faults.push(`sticks out: ${element.textContent.slice(0, 40)}`);
    let behind = element, back = [0, 0, 0, 0];
    while (behind && (back.length === 4 && back[3] === 0)) {
      back = read(getComputedStyle(behind).backgroundColor);
      behind = behind.parentElement;
    }
    const [a, b] = [light(read(getComputedStyle(element).color).slice(0, 3)), light(back.slice(0, 3))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${element.textContent.slice(0, 40)}`);
  }
  for (const element of document.querySelectorAll("a.way, button")) {
    const box = element.getBoundingClientRect();
    if (box.height < 40) faults.push(`hard to hit: ${element.textContent} is ${box.height} px high`);
  }
  const seen = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1;
  for (const element of document.querySelectorAll("input:not([type=hidden]), select, textarea, progress, iframe, button, a")) {
    const label = [...(element.labels || [])].map((one) => one.textContent).join(" ") + element.textContent
      + (element.getAttribute("aria-label") || "") + (element.title || "");
    const own = ["SELECT", "TEXTAREA", "PROGRESS"].includes(element.tagName) ? label.replace(element.textContent, "") : label;
    if (!own.trim()) faults.push(`no label: ${element.outerHTML.slice(0, 80)}`);
  }
  for (const element of document.querySelectorAll("body *")) {
    if (!seen(element) || ["TEXTAREA", "IFRAME", "PROGRESS", "INPUT", "SELECT"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const hides = [style.overflowX, style.overflowY].some((way) => way === "hidden" || way === "clip");
    const cut = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
    if (hides && cut && element.tagName !== "THEAD") faults.push(`cut: ${element.textContent.slice(0, 40)}`);
  }
  // What is written, and what is pressed or filled in, must not lie over each other.
  const pieces = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !seen(parent) || parent.closest("option, thead, textarea, script, style, pre")) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    for (const box of range.getClientRects()) if (box.width > 1) pieces.push([parent, box]);
  }
  for (const element of document.querySelectorAll("input:not([type=hidden]), select, textarea, pre, progress, iframe")) {
    if (seen(element)) pieces.push([element, element.getBoundingClientRect()]);
  }
  for (let i = 0; i < pieces.length; i++) {
    for (let j = i + 1; j < pieces.length; j++) {
      const [[one, a], [other, b]] = [pieces[i], pieces[j]];
      if (one === other) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 5) faults.push(`overlap: ${one.textContent.slice(0, 30)} / ${other.textContent.slice(0, 30)}`);
    }
  }
  if (!document.title) faults.push("no title");
  if (!document.documentElement.lang) faults.push("no language");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one heading");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main part");
  return faults;
}"""


def look(page, shots, name):
    """Leaves four pictures and finds fault with none of them."""
    faults = {}
    before = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=shots / f"{name}-{size}-{scheme}.png", full_page=True)
            if found := page.evaluate(JUDGE):
                faults[f"{size}-{scheme}"] = found
    page.set_viewport_size(before)
    page.emulate_media(color_scheme="light")
    assert not faults, faults


def watch(page):
    """Gathers what the browser complains about: scripts, styles and forms that a policy kept from working."""
    said = []
    page.on("console", lambda line: said.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said
