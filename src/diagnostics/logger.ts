/** Where log lines go; a `console`, a pino or a winston logger fits. */
export interface Logger {
  /** For those who look into the protocol. */
  debug(message: string): void;
  /** What an operator may want to know. */
  info(message: string): void;
  /** What an operator should look at. */
  warn(message: string): void;
  /** What needs somebody to act. */
  error(message: string): void;
}
