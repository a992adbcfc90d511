import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidRequestException } from '../../src/errors.ts';
import { decodeToken, encodeToken, pageOfList, toPage } from '../../src/store/paging.ts';

describe('tokens', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (list, position) => {
        expect(decodeToken<number>(list, encodeToken(list, position), 'number')).toBe(position);
      }),
    );
  });

  it('are refused when they are not ours, of another list, or of another kind', () => {
    for (const token of [
      '',
      'x',
      '!!!',
      encodeToken('other', 5),
      encodeToken('list', 'five'),
      Buffer.from('[]').toString('base64url'),
    ]) {
      expect(() => decodeToken('list', token, 'number'), token).toThrow(InvalidRequestException);
    }
    expect(decodeToken('list', undefined, 'number')).toBeUndefined();
  });
});

describe('pages', () => {
  it('end without a token when nothing is left', () => {
    expect(toPage('list', [1, 2], 2, (row) => row).nextToken).toBeUndefined();
    expect(toPage('list', [1, 2, 3], 2, (row) => row)).toMatchObject({
      rows: [1, 2],
      nextToken: encodeToken('list', 2),
    });
  });

  it('of a fixed list join to the whole of it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 5 }), (rows, limit) => {
        const joined: number[] = [];
        let token: string | undefined;
        do {
          const page = pageOfList('list', rows, { limit, token });
          joined.push(...page.rows);
          token = page.nextToken;
        } while (token !== undefined);
        expect(joined).toEqual(rows);
      }),
    );
  });
});
