// What WCAG 2.2 asks that can be measured: a name for each control (4.1.2), its size (2.5.8; we ask for 44 px), contrast
// (1.4.3) and no sideways scrolling (1.4.10). A function for the page under test; gives what is wrong.
() => {
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const label = (element) => element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent;
  const name = (element) => (label(element) ?? element.textContent).trim();
  const describe = (element) => `${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 30)}`;
  const controls = [...document.querySelectorAll("button, a[href], select, input, summary")].filter(visible)
    .filter((element) => !element.matches(".skip") && !element.closest("[inert]"));
  const box = (element) => element.getBoundingClientRect();
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage.includes("gradient")) return rgba("#143135");   // the lightest of the one gradient we have
      const colour = rgba(style.backgroundColor);
      if (colour[3] > 150) return colour;                                       // over video: our own veil counts
    }
    return rgba("#fff");
  };
  const texts = [...document.querySelectorAll("h1, h2, h3, p, small, label, strong, span, button, dt, dd, a, select, summary")]
    .filter(visible).filter((element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .filter((element) => box(element).width > 1 && !element.disabled && !element.matches(".skip"));
  const pale = texts.map((element) => {
    const [one, other] = [luminance(rgba(getComputedStyle(element).color)), luminance(ground(element))].sort((a, b) => b - a);
    return [describe(element), (one + 0.05) / (other + 0.05)];
  }).filter(([, ratio]) => ratio < 4.5);
  return {
    nameless: controls.filter((element) => name(element) === "").map(describe),
    small: controls.filter((element) => box(element).height < 44 || box(element).width < 44).map(describe),
    pale,
    untitled: document.querySelectorAll("h1").length !== 1,
    sideways: document.documentElement.scrollWidth > innerWidth,
    outside: controls.filter((element) => box(element).left < -1 || box(element).right > innerWidth + 1).map(describe),
    lang: document.documentElement.lang,
  };
}
