/** A socket that goes nowhere: a test says what comes over it and when it breaks. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  static readonly OPEN = 1;
  readyState = 1;
  binaryType = "";
  sent: string[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[] = [],
  ) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {}
  drop(code = 1006) {
    this.onclose?.({ code, reason: "" });
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}
