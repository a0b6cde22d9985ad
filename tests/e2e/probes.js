// What the invariants' tests read off a page, also inside shadow roots. Put in before the page's own scripts.
window.probes = {
  /** All elements below a root, through shadow roots, that match. */
  deep(selector, root = document) {
    const found = [...root.querySelectorAll(selector)];
    if (root.shadowRoot) found.push(...this.deep(selector, root.shadowRoot));
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) found.push(...this.deep(selector, element.shadowRoot));
    }
    return found;
  },

  focused() {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active;
  },

  name(element) {
    const path = [];
    for (let node = element; node && node !== document; node = node.parentNode ?? node.host) {
      if (node instanceof ShadowRoot) continue;
      const place = [...(node.parentNode?.children ?? [])].indexOf(node);
      path.unshift(`${node.localName ?? ""}${place}`);
    }
    return `${path.join(" ")}: ${element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 30)}`;
  },

  /** What Tab must reach. Of a group of radios only one counts. */
  controls() {
    const all = this.deep("a[href], button, input, select, summary, [tabindex]").filter(
      (element) =>
        element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true }) && element.type !== "radio",
    );
    return all.map((element) => this.name(element));
  },

  /** Nothing is on it: it is all transparent, or all one shade of the page. Keys of one age are all of one colour. */
  blank(canvas) {
    if (canvas.width === 0 || canvas.height === 0) return true;
    const small = document.createElement("canvas");
    small.width = small.height = 48;
    const pen = small.getContext("2d", { willReadFrequently: true });
    pen.drawImage(canvas, 0, 0, 48, 48);
    const pixels = new Uint32Array(pen.getImageData(0, 0, 48, 48).data.buffer);
    if (!pixels.every((pixel) => pixel === pixels[0])) return false;
    const [alpha, ...colour] = [24, 16, 8, 0].map((shift) => (pixels[0] >>> shift) & 255);
    return alpha === 0 || Math.max(...colour) - Math.min(...colour) < 40;
  },

  /** From now on look at these canvases in every frame; `seen` counts looks and blank ones. */
  watch(canvases) {
    this.seen = { frames: 0, blank: [] };
    const look = () => {
      this.seen.frames += 1;
      for (const canvas of canvases) {
        if (canvas.isConnected && this.blank(canvas)) this.seen.blank.push(this.name(canvas));
      }
      this.frame(look);
    };
    this.frame(look);
  },

  /** Visible text below `least` pixels, as it is drawn. */
  smallText(least) {
    return this.deep("body *")
      .filter((element) => {
        const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!text || !element.checkVisibility() || element.closest(".heard, .skip, style")) return false;
        const scale = element.ownerSVGElement ? element.getScreenCTM().d : 1;
        return Number.parseFloat(getComputedStyle(element).fontSize) * scale < least;
      })
      .map((element) => this.name(element));
  },

  hide(hidden) {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  },
};

window.probes.frame = window.requestAnimationFrame.bind(window);
window.probes.frames = 0;
window.requestAnimationFrame = (callback) => {
  window.probes.frames += 1;
  return window.probes.frame(callback);
};

// Canvases with a context, object URLs and sockets that are still there.
const drawn = new Set();
window.probes.contexts = () => [...drawn].filter((held) => held.deref()).length;
window.probes.urls = 0;
window.probes.sockets = new Set();
window.probes.sent = [];
const { getContext } = HTMLCanvasElement.prototype;
const known = new WeakSet();
HTMLCanvasElement.prototype.getContext = function (...words) {
  if (!known.has(this)) drawn.add(new WeakRef(this));
  known.add(this);
  return getContext.apply(this, words);
};
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (thing) => {
  window.probes.urls += 1;
  return createObjectURL.call(URL, thing);
};
URL.revokeObjectURL = (url) => {
  window.probes.urls -= 1;
  revokeObjectURL.call(URL, url);
};
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...words) {
    super(...words);
    window.probes.sockets.add(this);
    this.addEventListener("close", () => window.probes.sockets.delete(this));
  }

  send(data) {
    window.probes.sent.push(data);
    super.send(data);
  }
};
