import { describe, expect, it } from 'vitest';
import { Changes } from '../../src/sessions/changes.ts';

const FOREVER = 3_600_000;
const settled = (state: string) => state === 'done';
/** Enough turns of the event loop for whatever waits for no timer. */
const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('Changes', () => {
  it('answers at once what is settled', async () => {
    expect(await new Changes(FOREVER, 1).whenSettled('a', async () => 'done', settled)).toBe('done');
  });

  it('holds until the row is settled, over changes that do not settle it', async () => {
    const changes = new Changes(FOREVER, 1);
    let state = 'created';
    let answer: string | undefined;
    const held = changes.whenSettled('a', async () => state, settled).then((row) => (answer = row));
    for (const next of ['running', 'stopping']) {
      await turns();
      state = next;
      changes.tell('a');
      changes.tell('b');
    }
    await turns();
    expect(answer).toBeUndefined();
    state = 'done';
    changes.tell('a');
    expect(await held).toBe('done');
  });

  it('misses no change that comes between reading and waiting', async () => {
    const changes = new Changes(FOREVER, 1);
    let reads = 0;
    const read = async () => {
      reads += 1;
      // The change is told while the first reading is under way: nobody waits yet.
      if (reads === 1) queueMicrotask(() => changes.tell('a'));
      return reads === 1 ? 'created' : 'done';
    };
    expect(await changes.whenSettled('a', read, settled)).toBe('done');
  });

  it('answers with what there is when the wait is over', async () => {
    expect(await new Changes(30, 1).whenSettled('a', async () => 'running', settled)).toBe('running');
    expect(await new Changes(FOREVER, 1).whenSettled('a', async () => 'running', settled, 30)).toBe('running');
  });

  it('holds nothing when it is turned off', async () => {
    expect(await new Changes(0, 1).whenSettled('a', async () => 'running', settled, FOREVER)).toBe('running');
  });

  it('answers at once when as many are held as may be, and holds again when one has gone', async () => {
    const changes = new Changes(FOREVER, 1);
    let state = 'running';
    const held = changes.whenSettled('a', async () => state, settled);
    await turns();
    expect(await changes.whenSettled('a', async () => state, settled)).toBe('running');
    state = 'done';
    changes.tell('a');
    await held;
    state = 'running';
    const again = changes.whenSettled('a', async () => state, settled);
    await turns();
    state = 'done';
    changes.tell('a');
    expect(await again).toBe('done');
  });

  it('tells who watches of every change, until they have seen enough', () => {
    const changes = new Changes(0, 0);
    const seen: string[] = [];
    const [endFirst, endSecond] = ['first', 'second'].map((name) => changes.watch('a', () => seen.push(name)));
    changes.tell('a');
    changes.tell('b');
    endFirst?.();
    changes.tell('a');
    endSecond?.();
    changes.tell('a');
    expect(seen).toEqual(['first', 'second', 'second']);
  });
});
