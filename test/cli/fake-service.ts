/** A service that answers on `/control` as it is told to, for commands that run in this process (run.ts). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';

/** The fields of the answer; null: there is no such call, as of an older service. `after` is called once the answer is out. */
export type Answers = Readonly<
  Record<string, (fields: Record<string, unknown>, after: (then: (socket: Socket) => void) => void) => object>
>;

export interface FakeService {
  readonly url: string;
  /** Tokens that were given, in their order. */
  readonly tokens: string[];
  /** Calls, in their order. */
  readonly calls: string[];
  close(): Promise<void>;
}

const refusal = { ok: false, error: { code: 'input_unknown_event', message: 'There is no such event.' } };

/** @param base the path that it lives under, behind a proxy */
export async function fakeService(answers: Answers, base = ''): Promise<FakeService> {
  const web = createServer();
  const io = new Server(web, { path: `${base}/socket.io` });
  const tokens: string[] = [];
  const calls: string[] = [];
  io.of('/control').on('connection', (socket) => {
    tokens.push(String(socket.handshake.auth['token']));
    socket.onAny((event: string, fields: Record<string, unknown>, acknowledge: (value: object) => void) => {
      calls.push(event);
      let then: ((socket: Socket) => void) | null = null;
      const answer = answers[event]?.(fields, (after) => (then = after));
      acknowledge(answer === undefined ? refusal : { ok: true, ...answer });
      (then as ((socket: Socket) => void) | null)?.(socket);
    });
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(web.address() as AddressInfo).port}${base}`,
    tokens,
    calls,
    close: () => io.close(),
  };
}
