import { isIP, isIPv4 } from 'node:net';

/** A block of addresses: those whose first `bits` bits are the network's. */
export interface Cidr {
  readonly version: 4 | 6;
  readonly network: bigint;
  readonly bits: number;
}

const LENGTH = { 4: 32, 6: 128 } as const;

/** @returns `undefined` for what is no address and no block; an address alone is the block of itself */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const parsed = parseAddress(address);
  if (parsed === undefined || rest.length > 0) return undefined;
  const length = LENGTH[parsed.version];
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > length)) return undefined;
  return { version: parsed.version, network: parsed.value, bits: bits === undefined ? length : Number(bits) };
}

/** Whether an address lies in a block; an IPv4 address that came through an IPv6 socket (`::ffff:10.0.0.1`) is IPv4. */
export function isInCidr({ version, network, bits }: Cidr, address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed?.version !== version) return false;
  const rest = BigInt(LENGTH[version] - bits);
  return parsed.value >> rest === network >> rest;
}

function parseAddress(text: string): { version: 4 | 6; value: bigint } | undefined {
  const plain = text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  switch (isIP(plain)) {
    case 4:
      return { version: 4, value: valueOf4(plain) };
    case 6:
      return { version: 6, value: valueOf6(plain) };
    default:
      return undefined;
  }
}

function valueOf4(address: string): bigint {
  return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function valueOf6(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = new Array<bigint>(8 - before.length - after.length).fill(0n);
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** 16 bits each; an IPv4 address at the end makes two. */
function groupsOf(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!isIPv4(group)) return [BigInt(`0x${group}`)];
    const value = valueOf4(group);
    return [value >> 16n, value & 0xffffn];
  });
}
