import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Of sockets that listen, with their inodes. Java's are IPv6's, also where the address is none. */
function listening(): { address: string; port: number; inode: string }[] {
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A')
      .map((fields) => {
        const [host = '', port = ''] = (fields[1] ?? '').split(':');
        const loopback = /^(0000000000000000FFFF0000)?0100007F$/.test(host);
        return { address: loopback ? '127.0.0.1' : host, port: Number.parseInt(port, 16), inode: fields[9] ?? '' };
      }),
  );
}

/** Where this machine listens on a port. */
export function listeningAddresses(port: number): string[] {
  return listening()
    .filter((socket) => socket.port === port)
    .map(({ address }) => address);
}

/** The one port that a process listens on. @throws Error if that is another than the loopback interface's */
export function portOnLoopback(pid: number): number {
  const inodes = readdirSync(`/proc/${pid}/fd`).map((fd) => /^socket:\[(\d+)\]$/.exec(readLink(pid, fd))?.[1]);
  const own = listening().filter(({ inode }) => inodes.includes(inode));
  const [only] = own;
  if (only === undefined || own.length > 1 || only.address !== '127.0.0.1')
    throw new Error(`Process ${pid} listens on ${JSON.stringify(own)}`);
  return only.port;
}

function readLink(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ''; // closed meanwhile
  }
}
