import { describe, expect, it, vi } from "vitest";
import { keepKeys } from "./keys.js";

const press = (key: string, more: Partial<KeyboardEvent> = {}) => {
  const stopPropagation = vi.fn();
  keepKeys({ key, stopPropagation, defaultPrevented: false, ...more } as unknown as KeyboardEvent);
  return stopPropagation.mock.calls.length > 0;
};

describe("keys pressed inside a piece", () => {
  it.each([" ", "ArrowLeft", "Home", "PageDown", "Enter"])("%j stays inside", (key) => {
    expect(press(key)).toBe(true);
  });

  it.each(["n", "f", "/", "Tab", "?"])("%j goes on to the page", (key) => {
    expect(press(key)).toBe(false);
  });

  it("stays inside when the piece has used it, and goes on with Ctrl, Alt or Meta", () => {
    expect(press("Escape", { defaultPrevented: true })).toBe(true);
    expect(press("ArrowLeft", { altKey: true })).toBe(false);
    expect(press("Home", { ctrlKey: true })).toBe(false);
  });
});
