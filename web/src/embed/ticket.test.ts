import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ENDED } from "./live-run.js";
import { withTicket } from "./ticket.js";

const SERVICE = new URL("https://belt.example/lab/");
const fetched = vi.fn<(url: URL, options: RequestInit) => Promise<Response>>();
const answer = (body: object, status: number) => Promise.resolve(new Response(JSON.stringify(body), { status }));
const gives = (number: number) => () => answer({ ticket: `sbt_${number}`, expires_in: 60 }, 201);

beforeEach(() => {
  vi.useFakeTimers();
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a ticket", () => {
  it("is traded for the token, which stands in the body alone", async () => {
    fetched.mockImplementation(gives(1));
    const place = withTicket(SERVICE, "r", "sbe_x");
    expect([place.href, await place.ticket?.()]).toEqual([SERVICE.href, "sbt_1"]);
    const [[url, { method, body }]] = fetched.mock.calls as [[URL, RequestInit]];
    expect([method, url.href]).toEqual(["POST", "https://belt.example/lab/api/v1/tickets"]);
    expect(JSON.parse(String(body))).toEqual({ run: "r", token: "sbe_x" });
  });

  it("serves all who ask until it grows old", async () => {
    fetched.mockImplementationOnce(gives(1)).mockImplementationOnce(gives(2));
    const place = withTicket(SERVICE, "r", "sbe_x");
    expect(await Promise.all([place.ticket?.(), place.ticket?.()])).toEqual(["sbt_1", "sbt_1"]);
    vi.advanceTimersByTime(44_000);
    expect(await place.ticket?.()).toBe("sbt_1");
    vi.advanceTimersByTime(2_000);
    expect(await place.ticket?.()).toBe("sbt_2");
  });

  it("that is refused is asked for anew when it is needed again", async () => {
    fetched.mockImplementationOnce(() => answer({ detail: "no", code: "embed_ended" }, 401));
    fetched.mockImplementationOnce(() => Promise.reject(new TypeError("no network")));
    fetched.mockImplementationOnce(gives(3));
    const place = withTicket(SERVICE, "r", "sbe_x");
    await expect(place.ticket?.()).rejects.toMatchObject({ status: 401, message: ENDED });
    await expect(place.ticket?.()).rejects.toMatchObject({ status: 0 });
    expect(await place.ticket?.()).toBe("sbt_3");
  });
});
