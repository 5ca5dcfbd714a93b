/**
 * What an app that has handled one large upload has done. Until then glibc gives back to the system what is freed at the end of its heap,
 * and takes it again at once (`M_TRIM_THRESHOLD` in mallopt(3)): which buffers lie there is luck, and costs a request
 * with a session of 64 KB some 50 us, or nothing.
 */
export function freeSomethingLarge(): void {
  Buffer.alloc(16 * 1024 * 1024, 1);
  globalThis.gc?.();
}
