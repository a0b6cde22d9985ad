/**
 * Tells the page around how high this one is, in every dialect that course sites know. The messages go to whoever the
 * parent is and say nothing but a height.
 *
 * - ours: {type: "sushibelt:height", height}
 * - Canvas: {subject: "lti.frameResize", height}
 * - H5P's resizer (Moodle and many others): hello, then prepareResize and resize
 * - Open edX: {type: "plugin.resize", payload: {height}}
 */

/** Changes smaller than this many pixels are rounding. */
const SMALL = 2;

export function announceHeight(content: Element, parent: Window = window.parent): () => void {
  if (parent === window) return () => {};
  let told = 0;
  const post = (message: object) => parent.postMessage(message, "*");
  const h5p = (action: string) => {
    const height = told;
    post({ context: "h5p", action, scrollHeight: height, clientHeight: height });
  };
  const announce = () => {
    post({ type: "sushibelt:height", height: told });
    post({ subject: "lti.frameResize", height: told });
    post({ type: "plugin.resize", payload: { height: told } });
    h5p("prepareResize");
    h5p("resize");
  };
  const observer = new ResizeObserver(() => {
    const height = Math.ceil(content.getBoundingClientRect().height);
    if (Math.abs(height - told) < SMALL) return;
    told = height;
    announce();
  });
  const hear = ({ source, data }: MessageEvent) => {
    if (source !== parent || data?.context !== "h5p") return;
    if (data.action === "ready") h5p("hello");
    else if (data.action === "hello" || data.action === "resize") h5p("prepareResize");
    else if (data.action === "resizePrepared") h5p("resize");
  };
  addEventListener("message", hear);
  observer.observe(content);
  h5p("hello");
  return () => {
    removeEventListener("message", hear);
    observer.disconnect();
  };
}
