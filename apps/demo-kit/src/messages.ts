/** What a worker tells the primary. */
export type WorkerMessage =
  | { readonly type: 'said'; readonly level: 'info' | 'warn'; readonly line: string }
  | { readonly type: 'serving'; readonly store: string; readonly why: string };

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  return message.type === 'said' || message.type === 'serving';
}

export function tellPrimary(message: WorkerMessage): void {
  process.send?.(message);
}
