// The bounds of what is kept for controllers that are away, without sockets.
import { afterEach, describe, expect, test } from '@jest/globals';
import { estimateBytes, ReplayAdapter, type ReplayOptions } from '../../src/gateway/replay-adapter.js';

const options: ReplayOptions = {
  namespace: '/control',
  windowMs: 60_000,
  maxPackets: 5,
  maxBytes: 10_000,
  maxSessions: 2,
  passing: new Set(['tubes']),
};
const open: ReplayAdapter[] = [];

/** As much of a socket.io namespace as the adapter touches. */
function adapterOf(overrides: Partial<ReplayOptions> = {}, name = '/control'): ReplayAdapter {
  const adapter = new ReplayAdapter(
    { name, server: { encoder: { encode: () => [] } }, sockets: new Map() } as unknown as { name: string },
    {
      ...options,
      ...overrides,
    },
  );
  open.push(adapter);
  return adapter;
}
afterEach(() => open.splice(0).forEach((adapter) => adapter.close()));

function emit(adapter: ReplayAdapter, text: string, room = 'room'): string {
  const data: unknown[] = ['signal', text];
  adapter.broadcast({ type: 2, data }, { rooms: new Set([room]), except: new Set() });
  return String(data[2]);
}

function leave(adapter: ReplayAdapter, sid: string): void {
  adapter.persistSession({ sid, pid: `pid-${sid}`, rooms: [...(adapter.socketRooms(sid) ?? [])], data: {} });
  adapter.delAll(sid);
}

/** What a returning client gets; null when its session is gone. */
async function comeBack(adapter: ReplayAdapter, sid: string, offset: string): Promise<string[] | null> {
  try {
    const session = await adapter.restoreSession(`pid-${sid}`, offset);
    void adapter.addAll(sid, new Set(session.rooms));
  } catch {
    return null;
  }
  const got: string[] = [];
  const socket = { id: sid, packet: ({ data }: { data: unknown[] }) => got.push(String(data[1])) };
  return adapter.replay(socket) ? got : null;
}

describe('the replay adapter', () => {
  test('repeats what was lost on the wire and what came later, of the own rooms only', async () => {
    const adapter = adapterOf();
    void adapter.addAll('a', new Set(['room']));
    void adapter.addAll('b', new Set(['elsewhere']));
    const offset = emit(adapter, 'read');
    emit(adapter, 'lost');
    leave(adapter, 'a');
    emit(adapter, 'later');
    emit(adapter, 'foreign', 'elsewhere');
    expect(await comeBack(adapter, 'a', offset)).toEqual(['lost', 'later']);
  });

  test('a signal between the restored session and its replay is in the replay', async () => {
    const adapter = adapterOf();
    void adapter.addAll('a', new Set(['room']));
    const offset = emit(adapter, 'read');
    leave(adapter, 'a');
    const session = await adapter.restoreSession('pid-a', offset);
    void adapter.addAll('a', new Set(session.rooms));
    emit(adapter, 'during the handshake');
    const got: unknown[] = [];
    expect(
      adapter.replay({ id: 'a', packet: ({ data }: { data: unknown[] }) => got.push(data[1]) } as { id: string }),
    ).toBe(true);
    expect(got).toEqual(['during the handshake']);
  });

  test('a refused handshake leaves the session for another try', async () => {
    const adapter = adapterOf();
    void adapter.addAll('a', new Set(['room']));
    const offset = emit(adapter, 'read');
    leave(adapter, 'a');
    await adapter.restoreSession('pid-a', offset);
    adapter.delAll('a');
    emit(adapter, 'later');
    expect(await comeBack(adapter, 'a', offset)).toEqual(['later']);
  });

  test('caps the count, and does not recover who needs what was dropped', async () => {
    const adapter = adapterOf();
    void adapter.addAll('a', new Set(['room']));
    const offset = emit(adapter, 'read');
    leave(adapter, 'a');
    for (let index = 0; index < 10; index += 1) emit(adapter, String(index));
    expect(adapter.size.packets).toBe(5);
    expect(await comeBack(adapter, 'a', offset)).toBeNull();
    expect(adapter.size.sessions).toBe(0);
  });

  test('caps the bytes', () => {
    const adapter = adapterOf({ maxPackets: 1000 });
    void adapter.addAll('a', new Set(['room']));
    for (let index = 0; index < 100; index += 1) emit(adapter, 'x'.repeat(1000));
    expect(adapter.size.bytes).toBeLessThanOrEqual(10_000);
    emit(adapter, 'x'.repeat(20_000));
    expect(adapter.size).toEqual({ packets: 0, bytes: 0, sessions: 0 });
  });

  test('what was dropped for others is no loss', async () => {
    const adapter = adapterOf();
    void adapter.addAll('a', new Set(['room']));
    void adapter.addAll('b', new Set(['busy']));
    const offset = emit(adapter, 'read');
    for (let index = 0; index < 10; index += 1) emit(adapter, 'x', 'busy');
    leave(adapter, 'a');
    emit(adapter, 'later');
    expect(await comeBack(adapter, 'a', offset)).toEqual(['later']);
  });

  test('who lost a dropped packet on the wire is not recovered', async () => {
    const adapter = adapterOf();
    void adapter.addAll('a', new Set(['room']));
    void adapter.addAll('b', new Set(['busy']));
    const offset = emit(adapter, 'read');
    emit(adapter, 'lost on the wire');
    for (let index = 0; index < 10; index += 1) emit(adapter, 'x', 'busy');
    leave(adapter, 'a');
    expect(await comeBack(adapter, 'a', offset)).toBeNull();
  });

  test('caps the sessions, oldest first', async () => {
    const adapter = adapterOf();
    for (const sid of ['a', 'b', 'c']) void adapter.addAll(sid, new Set(['room']));
    const offset = emit(adapter, 'read');
    for (const sid of ['a', 'b', 'c']) leave(adapter, sid);
    expect(adapter.size.sessions).toBe(2);
    expect(await comeBack(adapter, 'a', offset)).toBeNull();
    expect(await comeBack(adapter, 'c', offset)).toEqual([]);
  });

  test.each(['', 'zzzzzzzzzzz', '-1', '../x', '0x'.repeat(50)])(
    'the forged offset %j recovers nothing',
    async (offset) => {
      const adapter = adapterOf();
      void adapter.addAll('a', new Set(['room']));
      emit(adapter, 'read');
      leave(adapter, 'a');
      expect(await comeBack(adapter, 'a', offset)).toBeNull();
    },
  );

  test('keeps nothing when nobody could ask for it, nor for other namespaces', () => {
    const idle = adapterOf();
    emit(idle, 'x');
    expect(idle.size.packets).toBe(0);
    const peer = adapterOf({}, '/peer');
    void peer.addAll('a', new Set(['room']));
    emit(peer, 'x');
    leave(peer, 'a');
    expect(peer.size).toEqual({ packets: 0, bytes: 0, sessions: 0 });
  });

  test('a session is over after the window', async () => {
    const adapter = adapterOf({ windowMs: -1 });
    void adapter.addAll('a', new Set(['room']));
    const offset = emit(adapter, 'read');
    leave(adapter, 'a');
    expect(await comeBack(adapter, 'a', offset)).toBeNull();
  });

  test('sizes are estimated without serialising', () => {
    expect(estimateBytes({ a: 'xxx', b: [1, null] })).toBeGreaterThan(20);
    expect(estimateBytes('x'.repeat(1000))).toBeGreaterThanOrEqual(1000);
  });
});
