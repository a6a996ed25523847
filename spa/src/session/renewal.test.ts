import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ahead, lookEvery, Renewal, renewing } from "./renewal.ts";

beforeEach(() => void vi.useFakeTimers({ now: new Date("2026-03-14T12:00:00Z") }));
afterEach(() => void vi.useRealTimers());

const day = 24 * 3_600_000;
const until = (ms: number) => Response.json({ expires_at: new Date(Date.now() + ms).toISOString() });
const ended = () => new Response(null, { status: 401 });

/** A server whose cookies are good or not, and a count of what was asked of it. */
class Server {
  signedIn = false;
  session = true;
  renewals = 0;
  readonly bodies: string[] = [];

  readonly renewal = new Renewal(async () => {
    this.renewals++;
    await new Promise((answered) => setTimeout(answered, 50));
    if (this.session) this.signedIn = true;
    return this.session ? until(day) : ended();
  });

  readonly fetch = renewing(this.renewal, async (request) => {
    this.bodies.push(await request.text());
    return this.signedIn ? new Response("ok") : ended();
  });
}

const get = () => new Request("http://wikibot.localhost/api/me");

test("a call that is refused is renewed and sent once more, body and all", async () => {
  const server = new Server();
  const call = server.fetch(new Request("http://wikibot.localhost/api/wikis", { method: "POST", body: "{}" }));
  await vi.advanceTimersByTimeAsync(100);
  expect((await call).status).toBe(200);
  expect(server.bodies).toEqual(["{}", "{}"]);
  expect(server.renewals).toBe(1);
});

test("calls that are refused at one time renew once", async () => {
  const server = new Server();
  const calls = Promise.all([server.fetch(get()), server.fetch(get()), server.fetch(get())]);
  await vi.advanceTimersByTimeAsync(100);
  expect((await calls).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(server.renewals).toBe(1);
});

test("an answer that comes after the renewal of others renews nothing", async () => {
  const server = new Server();
  let refuse: (answer: Response) => void = () => {};
  let sent = 0;
  const slow = renewing(server.renewal, () => {
    return ++sent === 1 ? new Promise((answer) => (refuse = answer)) : Promise.resolve(new Response("ok"));
  });
  const late = slow(get());
  await vi.advanceTimersByTimeAsync(1);
  const prompt = server.fetch(get());
  await vi.advanceTimersByTimeAsync(100);
  await prompt;
  refuse(ended());
  expect((await late).status).toBe(200);
  expect(server.renewals).toBe(1);
});

test("when the session has ended the refusal stands, and is not asked about again and again", async () => {
  const server = new Server();
  server.session = false;
  const call = server.fetch(get());
  await vi.advanceTimersByTimeAsync(100);
  expect((await call).status).toBe(401);
  expect(server.bodies).toHaveLength(1);
  const stop = server.renewal.keep({ hidden: false });
  await vi.advanceTimersByTimeAsync(10 * lookEvery);
  expect(server.renewals).toBe(1);
  stop();
});

test("a call that is refused twice is not sent a third time", async () => {
  let sent = 0;
  const renewal = new Renewal(async () => until(day));
  const answer = await renewing(renewal, async () => (sent++, ended()))(get());
  expect(answer.status).toBe(401);
  expect(sent).toBe(2);
});

test("when nobody knows whether the session lives, the call fails: that is no sign-out", async () => {
  const away = new Renewal(async () => new Response(null, { status: 503 }));
  await expect(renewing(away, async () => ended())(get())).rejects.toThrow("503");
});

test("while somebody looks the session is renewed ahead of its end, and only then", async () => {
  const server = new Server();
  const page = { hidden: false };
  const stop = server.renewal.keep(page);
  await vi.advanceTimersByTimeAsync(lookEvery + 100);
  expect(server.renewals, "at first, to learn when it ends").toBe(1);
  await vi.advanceTimersByTimeAsync(day - ahead - 2 * lookEvery);
  expect(server.renewals).toBe(1);
  page.hidden = true;
  await vi.advanceTimersByTimeAsync(2 * day);
  expect(server.renewals, "nobody looks").toBe(1);
  page.hidden = false;
  await vi.advanceTimersByTimeAsync(lookEvery + 100);
  expect(server.renewals, "somebody looks again").toBe(2);
  stop();
  await vi.advanceTimersByTimeAsync(2 * day);
  expect(server.renewals).toBe(2);
});
