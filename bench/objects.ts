import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { TestServer } from '../test/support/server.ts';
import type { Figure } from './report.ts';

const BODY = 'x'.repeat(1024);
const CLIENTS = 8;

/** Objects of 1 KiB, eight clients at once; a PUT is on disk when it is answered. */
export async function measureObjects(server: TestServer, count: number): Promise<Figure[]> {
  const Bucket = 'bench-objects';
  await server.s3.send(new CreateBucketCommand({ Bucket }));
  const puts = await rate(count, (index) =>
    server.s3.send(new PutObjectCommand({ Bucket, Key: `k${index}`, Body: BODY })),
  );
  const gets = await rate(count, async (index) => {
    const { Body } = await server.s3.send(new GetObjectCommand({ Bucket, Key: `k${index}` }));
    await Body?.transformToByteArray();
  });
  return [
    { name: 'S3 PUT of 1 KiB, durable, 8 clients', unit: 'requests/s', samples: [puts] },
    { name: 'S3 GET of 1 KiB, 8 clients', unit: 'requests/s', samples: [gets] },
  ];
}

async function rate(count: number, request: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const start = performance.now();
  const client = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await request(index);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return count / ((performance.now() - start) / 1000);
}
