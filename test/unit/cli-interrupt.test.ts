/** Ctrl-C: once, twice at once as npm sends it, and twice in earnest. */

import { expect, test } from 'vitest';
import { listenForStop } from '../../src/cli/interrupt.ts';
import { testWorld } from './cli-world.ts';

function listening(): {
  world: ReturnType<typeof testWorld>;
  stop: ReturnType<typeof listenForStop>;
  events: string[];
  wait: (milliseconds: number) => void;
} {
  const world = testWorld();
  const events: string[] = [];
  let now = 0;
  const actions = { onStop: () => void events.push('stop'), onQuit: () => void events.push('quit') };
  const stop = listenForStop(world.io, actions, () => now);
  const wait = (milliseconds: number): void => {
    now += milliseconds;
  };
  return { world, stop, events, wait };
}

test('the first signal aborts and is remembered', () => {
  const { world, stop, events } = listening();
  expect(stop.signal.aborted).toBe(false);
  expect(stop.stoppedBy()).toBeNull();
  world.send('SIGTERM');
  expect(stop.signal.aborted).toBe(true);
  expect(stop.stoppedBy()).toBe('SIGTERM');
  expect(events).toEqual(['stop']);
  expect(world.exits).toEqual([]);
});

test('a second signal within a second is the same wish', () => {
  const { world, events, wait } = listening();
  world.send('SIGINT');
  wait(3);
  world.send('SIGINT');
  wait(900);
  world.send('SIGTERM');
  expect(events).toEqual(['stop']);
  expect(world.exits).toEqual([]);
});

test('a later one quits at once', () => {
  const { world, events, wait } = listening();
  world.send('SIGINT');
  wait(1001);
  world.send('SIGINT');
  expect(events).toEqual(['stop', 'quit']);
  expect(world.exits).toEqual([130]);
});

test('closing gives the signals back', () => {
  const { world, stop } = listening();
  expect(world.listening()).toBe(2);
  stop.close();
  expect(world.listening()).toBe(0);
});
