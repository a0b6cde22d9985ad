/** Less motion: what the system asks for, or an element's page asks for it alone. */

const system = typeof matchMedia === "function" ? matchMedia("(prefers-reduced-motion: reduce)") : null;
const still = new WeakSet<Node>();
const changes = new EventTarget();

/** Whether what moves should stand still and jump; inside a piece that was told so, always. */
export function calm(element?: Element): boolean {
  let at = element;
  while (at) {
    if (still.has(at)) return true;
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : undefined;
  }
  return system?.matches ?? false;
}

/** Call `listener` whenever the answer may have changed; returns the way to stop. */
export function onCalm(listener: () => void): () => void {
  const wrapped = () => listener();
  system?.addEventListener("change", wrapped);
  changes.addEventListener("change", wrapped);
  return () => {
    system?.removeEventListener("change", wrapped);
    changes.removeEventListener("change", wrapped);
  };
}

/** Ask for less motion in an element and all inside it, or leave it to the system again. */
export function setPieceCalm(piece: Element, wanted: boolean): void {
  if (still.has(piece) === wanted) return;
  if (wanted) still.add(piece);
  else still.delete(piece);
  changes.dispatchEvent(new Event("change"));
}
