import { describe, expect, test } from '@jest/globals';
import { cancel, createActor, fromCallback, fromTransition, raise, sendTo, setup, type AnyActor } from 'xstate';
import { installIndexedScheduler } from '../../src/registry/indexed-scheduler.js';
import { TestClock } from '../support/test-clock.js';

/** XState's scheduler is not documented: these tests say what we rely on, at the pinned version. */
function start<Root extends AnyActor>(create: (clock: TestClock) => Root) {
  const clock = new TestClock();
  const root = create(clock);
  const pending = installIndexedScheduler(root, clock);
  root.start();
  return { clock, root, pending, value: () => (root.getSnapshot() as { value: unknown }).value };
}

const timed = setup({}).createMachine({
  initial: 'waiting',
  states: { waiting: { after: { 1000: 'fired' }, on: { leave: 'left' } }, fired: {}, left: {} },
});

describe('an after', () => {
  test('fires when it is due, once', () => {
    const { clock, pending, value } = start((c) => createActor(timed, { clock: c }));
    expect(pending()).toBe(1);
    clock.advance(999);
    expect(value()).toBe('waiting');
    clock.advance(1);
    expect(value()).toBe('fired');
    expect(pending()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('is cancelled when its state is left', () => {
    const { clock, root, pending, value } = start((c) => createActor(timed, { clock: c }));
    root.send({ type: 'leave' });
    expect(pending()).toBe(0);
    expect(clock.pending).toBe(0);
    clock.advance(5_000);
    expect(value()).toBe('left');
  });

  test('is cancelled when its actor stops', () => {
    const { clock, root, pending } = start((c) => createActor(timed, { clock: c }));
    root.stop();
    expect(pending()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('starts anew when its state is entered again', () => {
    const machine = setup({}).createMachine({
      initial: 'waiting',
      states: {
        waiting: { after: { 1000: 'fired' }, on: { again: { target: 'waiting', reenter: true } } },
        fired: {},
      },
    });
    const { clock, root, pending, value } = start((c) => createActor(machine, { clock: c }));
    clock.advance(900);
    root.send({ type: 'again' });
    expect(pending()).toBe(1);
    clock.advance(999);
    expect(value()).toBe('waiting');
    clock.advance(1);
    expect(value()).toBe('fired');
  });
});

describe('a delayed raise', () => {
  const machine = setup({ types: { context: {} as { count: number } } }).createMachine({
    context: { count: 0 },
    initial: 'one',
    states: { one: { on: { due: 'two' } }, two: {} },
    on: {
      plan: { actions: raise({ type: 'due' }, { id: 'plan', delay: 1000 }) },
      drop: { actions: cancel('plan') },
    },
  });

  test('comes when it is due', () => {
    const { clock, root, value } = start((c) => createActor(machine, { clock: c }));
    root.send({ type: 'plan' });
    clock.advance(1_000);
    expect(value()).toBe('two');
  });

  test('does not come when it was cancelled', () => {
    const { clock, root, pending, value } = start((c) => createActor(machine, { clock: c }));
    root.send({ type: 'plan' });
    root.send({ type: 'drop' });
    root.send({ type: 'drop' });
    expect(pending()).toBe(0);
    clock.advance(5_000);
    expect(value()).toBe('one');
  });

  test('with the same id takes the place of the one before', () => {
    const { clock, root, pending, value } = start((c) => createActor(machine, { clock: c }));
    root.send({ type: 'plan' });
    clock.advance(500);
    root.send({ type: 'plan' });
    expect(pending()).toBe(1);
    clock.advance(999);
    expect(value()).toBe('one');
    clock.advance(1);
    expect(value()).toBe('two');
  });

  test('with the same id in another actor is another one', () => {
    const parent = setup({ actors: { child: machine } }).createMachine({
      invoke: [
        { src: 'child', id: 'a' },
        { src: 'child', id: 'b' },
      ],
      on: {
        plan: { actions: [sendTo('a', { type: 'plan' }), sendTo('b', { type: 'plan' })] },
        drop: { actions: sendTo('a', { type: 'drop' }) },
      },
    });
    const { clock, root, pending } = start((c) => createActor(parent, { clock: c }));
    root.send({ type: 'plan' });
    expect(pending()).toBe(2);
    root.send({ type: 'drop' });
    expect(pending()).toBe(1);
    clock.advance(1_000);
    const { children } = root.getSnapshot();
    expect(children['a']?.getSnapshot().value).toBe('one');
    expect(children['b']?.getSnapshot().value).toBe('two');
  });
});

describe('a delayed sendTo', () => {
  const heard: string[] = [];
  const parent = setup({
    actors: {
      child: fromCallback(({ receive }) => {
        receive(({ type }) => heard.push(type));
      }),
    },
  }).createMachine({
    initial: 'one',
    states: { one: { invoke: { src: 'child', id: 'child' }, on: { leave: 'two' } }, two: {} },
    on: { plan: { actions: sendTo('child', { type: 'hello' }, { id: 'hello', delay: 3000 }) } },
  });

  test('reaches its target when it is due', () => {
    heard.length = 0;
    const { clock, root } = start((c) => createActor(parent, { clock: c }));
    root.send({ type: 'plan' });
    clock.advance(2_999);
    expect(heard).toEqual([]);
    clock.advance(1);
    expect(heard).toEqual(['hello']);
  });

  test('to a target that is gone does no harm', () => {
    heard.length = 0;
    const { clock, root, pending } = start((c) => createActor(parent, { clock: c }));
    root.send({ type: 'plan' });
    root.send({ type: 'leave' });
    clock.advance(3_000);
    expect(heard).toEqual([]);
    expect(root.getSnapshot().status).toBe('active');
    expect(pending()).toBe(0);
  });
});

test('a thousand stopped actors leave no timer behind, and those that go on keep theirs', () => {
  const registry = fromTransition((state: null) => state, null);
  const { clock, root, pending } = start((c) => createActor(registry, { clock: c }));
  const children = Array.from({ length: 1_001 }, (_, n) => {
    const child = createActor(timed, { parent: root, id: String(n) });
    child.start();
    return child;
  });
  expect(pending()).toBe(1_001);
  for (const child of children.slice(1)) child.send({ type: 'xstate.stop' });
  expect(pending()).toBe(1);
  expect(clock.pending).toBe(1);
  clock.advance(1_000);
  expect(children[0]?.getSnapshot().value).toBe('fired');
  expect(pending()).toBe(0);
});
