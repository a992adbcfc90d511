/** What a session takes of the machine's memory: https://spark.apache.org/docs/3.5.7/configuration.html, docs/performance.md */
import { mebibytesOf } from '../spark-properties/bounds.ts';

type Properties = Readonly<Record<string, string>>;

/** A driver that has done its warm-up and nothing else: 530 MiB were measured, the shared class data included. */
export const IDLE_DRIVER_MEBIBYTES = 600;

/** Beside the heap: the JVM's own 130 MiB, class data 160, Python 110, threads, buffers of the network. */
const BESIDE_HEAP_MEBIBYTES = 512;
/** `spark.driver.memory` and `spark.memory.offHeap.size` where nobody sets them. */
const HEAP_MEBIBYTES = 1024;

/** Mebibytes that the driver may come to take: all of its heap, what Spark keeps off it, and the process around it. */
export function sessionMebibytes(properties: Properties): number {
  const heap = mebibytesOf(properties['spark.driver.memory']) ?? HEAP_MEBIBYTES;
  const offHeap = properties['spark.memory.offHeap.enabled'] === 'true' ? offHeapMebibytes(properties) : 0;
  return Math.ceil(heap + offHeap + BESIDE_HEAP_MEBIBYTES);
}

/** Bytes where no unit is said, unlike the heap. */
function offHeapMebibytes(properties: Properties): number {
  const size = properties['spark.memory.offHeap.size'];
  if (size !== undefined && /^\s*\d{1,15}\s*$/.test(size)) return Number(size) / 1024 ** 2;
  return mebibytesOf(size) ?? 0;
}
