import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Shared } from "./shared.js";

describe("things that pieces share", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("are one for all, and closed once after the last has left", () => {
    const close = vi.fn();
    const make = vi.fn(() => ({ close }));
    const shared = new Shared<{ close(): void }>();
    const first = shared.take("a", make);
    expect(shared.take("a", make)).toBe(first);
    shared.give("a");
    vi.advanceTimersByTime(60_000);
    expect(close).not.toHaveBeenCalled();
    shared.give("a");
    vi.advanceTimersByTime(60_000);
    expect([make.mock.calls.length, close.mock.calls.length]).toEqual([1, 1]);
  });

  it("stay for who only moves in its page", () => {
    const close = vi.fn();
    const shared = new Shared<{ close(): void }>();
    const first = shared.take("a", () => ({ close }));
    shared.give("a");
    vi.advanceTimersByTime(100);
    expect(shared.take("a", () => ({ close }))).toBe(first);
    vi.advanceTimersByTime(60_000);
    expect(close).not.toHaveBeenCalled();
  });

  it("are made anew once they were closed", () => {
    const shared = new Shared<{ close(): void }>();
    const first = shared.take("a", () => ({ close() {} }));
    shared.give("a");
    vi.advanceTimersByTime(60_000);
    expect(shared.take("a", () => ({ close() {} }))).not.toBe(first);
  });
});
