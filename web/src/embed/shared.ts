/** How long a thing is kept after its last user left: an element that is moved in its page leaves and comes back. */
const LINGER = 2_000;

/** Things that several pieces of a page use: made for the first who asks, closed after the last has left. */
export class Shared<T extends { close(): void }> {
  private readonly held = new Map<string, { thing: T; users: number; timer?: ReturnType<typeof setTimeout> }>();

  take(key: string, make: () => T): T {
    let entry = this.held.get(key);
    if (!entry) {
      entry = { thing: make(), users: 0 };
      this.held.set(key, entry);
    }
    clearTimeout(entry.timer);
    entry.users += 1;
    return entry.thing;
  }

  give(key: string): void {
    const entry = this.held.get(key);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    entry.timer = setTimeout(() => {
      this.held.delete(key);
      entry.thing.close();
    }, LINGER);
  }
}
