import { startS3Server } from './s3-server.ts';

/** A server in a process of its own, to be killed: `node serve.ts <folder> [port]` prints its endpoint. */
const server = await startS3Server({ folder: process.argv[2] as string, port: Number(process.argv[3] ?? 0) });
console.log(server.endpoint);
