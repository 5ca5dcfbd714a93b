/** What a worker tells the primary. */
export type WorkerMessage =
  | { readonly type: 'said'; readonly level: 'info' | 'warn'; readonly line: string }
  | { readonly type: 'serving'; readonly store: string; readonly why: string }
  /** A visitor wants to see what happens when this worker dies. */
  | { readonly type: 'kill'; readonly worker: number }
  | CutMessage;

/** A visitor wants to see what happens while the store is away: the primary passes it on to all workers. */
export interface CutMessage {
  readonly type: 'cut';
  readonly forMs: number;
}

const types: readonly unknown[] = ['said', 'serving', 'kill', 'cut'] satisfies WorkerMessage['type'][];

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return typeof message === 'object' && message !== null && 'type' in message && types.includes(message.type);
}

export function isCutMessage(message: unknown): message is CutMessage {
  return isWorkerMessage(message) && message.type === 'cut';
}

export function tellPrimary(message: WorkerMessage): void {
  process.send?.(message);
}
