/** Resolves once something holds, looking again at each of a target's events, or when `ms` have passed without. */
export function until(target: EventTarget, name: string, holds: () => boolean, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      target.removeEventListener(name, look);
      resolve();
    };
    const look = () => holds() && done();
    const timer = setTimeout(done, ms);
    target.addEventListener(name, look);
    look();
  });
}
