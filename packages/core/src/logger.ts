/** Where the library's few log lines go. `console` fits, and so do most loggers. */
export interface Logger {
  /** What is used, once at the start. */
  info(line: string): void;
  /** What should be looked at. */
  warn(line: string): void;
  /** What has failed. */
  error(line: string): void;
}

/** Standard output, and standard error for what somebody has to look at. */
export const consoleLogger: Logger = {
  info: (line) => console.log(line),
  warn: (line) => console.warn(line),
  error: (line) => console.error(line),
};

export const silentLogger: Logger = { info() {}, warn() {}, error() {} };
