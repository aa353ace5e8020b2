/** What a run needs of a peer, whether it is our library in Node or a plain page in Chromium. What it sees goes into its tracks. */
export interface Peer {
  /** Connects, and resolves when its channels are open; again after `kill`, as a new process or page. */
  start(): Promise<void>;
  /** A numbered message every `everyMs` from now on. */
  stream(everyMs: number): void;
  /** No more messages; resolves when all counts are in. */
  stop(): Promise<void>;
  /** Ends without a word, as a crash or a reload does. */
  kill(): Promise<void>;
  end(): Promise<void>;
}
