import type { ChildProcess } from 'node:child_process';

const startsWithinMs = 120_000;
const endsWithinMs = 30_000;

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** An app that says `port 1234`, or its address on the loopback, when it is ready. Redis has one there too. */
export class InstalledApp {
  readonly #child: ChildProcess;
  readonly #ended: Promise<End>;
  #output = '';
  url = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => void (this.#output += chunk.toString()));
    this.#ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  }

  static async of(child: ChildProcess): Promise<InstalledApp> {
    const app = new InstalledApp(child);
    let isOver = false;
    void app.#ended.then(() => (isOver = true));
    const deadline = Date.now() + startsWithinMs;
    for (;;) {
      const port = /(?:^port |http:\/\/127\.0\.0\.1:)(\d+)/m.exec(app.output())?.[1];
      if (port !== undefined) {
        app.url = `http://127.0.0.1:${port}`;
        return app;
      }
      if (isOver || Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`The app did not start${isOver ? '' : ' in time'}. It said:\n${app.output()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Everything it printed so far, both streams. */
  output(): string {
    return this.#output;
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<End> {
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), endsWithinMs);
    const end = await this.#ended;
    clearTimeout(kill);
    return end;
  }
}
