// Every text on show that stands out too little from what is behind it: WCAG 2, 1.4.3, level AA.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => a * c + (1 - a) * under[i]);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const ancestors = (node) => {
    const found = [];
    for (let at = node; at; at = at.parentElement) found.push(at);
    return found;
  };
  const measure = (node) => {
    const style = getComputedStyle(node);
    const drawn = node instanceof SVGElement ? style.fill : style.color;
    const chain = ancestors(node);
    let behind = [255, 255, 255];
    for (const at of [...chain].reverse()) behind = over(rgba(getComputedStyle(at).backgroundColor), behind);
    const [r, g, b, a] = rgba(drawn);
    const opacity = chain.reduce((share, at) => share * getComputedStyle(at).opacity, 1);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 600);
    return { ratio: ratio(over([r, g, b, a * opacity], behind), behind), least: large ? 3 : 4.5, color: drawn };
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let at = walker.nextNode(); at; at = walker.nextNode()) if (at.data.trim()) texts.push([at.parentElement, at.data]);
  for (const box of document.querySelectorAll("input[type=number], textarea")) texts.push([box, box.value]);
  const seen = texts.filter(([node]) => {
    const { width, height } = node.getBoundingClientRect();
    const shown = node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && width && height;
    return shown && !node.closest(":disabled, option, .visually-hidden, script, style");
  });
  const failed = seen.map(([node, text]) => ({ text: text.trim().slice(0, 50), ...measure(node) })).filter((m) => m.ratio < m.least);
  return { count: seen.length, failed: failed.map((m) => `${m.text}: ${m.ratio.toFixed(2)} < ${m.least} (${m.color})`) };
}
