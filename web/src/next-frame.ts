/** One animation frame for all who wait for one: the browser is asked once, however many figures draw in it. */

type Draw = (now: number) => void;

let waiting = new Set<Draw>();
let running = new Set<Draw>();

const run = (now: number) => {
  [running, waiting] = [waiting, new Set()];
  for (const draw of running) {
    try {
      draw(now);
    } catch (error) {
      // One that fails takes nobody else's frame.
      reportError(error);
    }
  }
  running.clear();
};

/** Call `draw` once, in the next frame, with that frame's time; whoever asked first is called first. Returns the way to take it back. */
export function nextFrame(draw: Draw): () => void {
  if (waiting.size === 0) requestAnimationFrame(run);
  // Its own object, so that a function asked for twice is called twice.
  const mine: Draw = (now) => draw(now);
  waiting.add(mine);
  return () => {
    waiting.delete(mine);
    running.delete(mine);
  };
}
