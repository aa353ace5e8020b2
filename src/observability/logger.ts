/**
 * The log, and the only importer of pino: one logger per target, each with a level of its own that can be changed while the service
 * runs, for good or for a while. A line is JSON (or coloured text on a terminal) with a constant `msg` and its values as fields; secrets are taken out (redaction.ts).
 */
import { destination, pino, type DestinationStream, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { logTargets, type LogLevel, type LogTarget } from '../config/log-targets.js';
import type { LogLevelRow } from '../operator/operator.types.js';
import { redactText } from '../free-text.js';
import { redactFields } from './redaction.js';

/** What the rooms see of a logger. `message` is constant text; values go into `fields`. */
export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LoggingOptions {
  /** Of every target that `levels` does not name. */
  readonly level: LogLevel;
  readonly levels?: Partial<Readonly<Record<LogTarget, LogLevel>>>;
  readonly pretty: 'auto' | 'on' | 'off';
  readonly nodeId?: string;
  /** Where lines go. Default: standard output, written at once, so that nothing is lost when the process dies. */
  readonly output?: DestinationStream;
}

function streamOf({ pretty, output }: LoggingOptions): DestinationStream {
  const isTerminal = output === undefined && process.stdout.isTTY;
  const target = output ?? destination({ dest: 1, sync: true });
  if (pretty === 'off' || (pretty === 'auto' && !isTerminal)) return target;
  // The stream does not look for a terminal when it is given a destination.
  const text = PinoPretty.prettyFactory({
    colorize: isTerminal,
    singleLine: true,
    translateTime: 'HH:MM:ss.l',
    ignore: 'node_id',
  });
  return { write: (line: string) => target.write(text(JSON.parse(line))) };
}

/** A level that goes back by itself. */
interface Loan {
  readonly untilMs: number;
  readonly timer: NodeJS.Timeout;
}

export class Logging {
  readonly #targets: ReadonlyMap<LogTarget, Logger>;
  /** What each target has when nobody lent it another level. */
  readonly #base = new Map<LogTarget, LogLevel>();
  readonly #loans = new Map<LogTarget, Loan>();
  /** Told after the level of a target has changed, whatever changed it. */
  changed: (target: LogTarget) => void = () => undefined;

  constructor(options: LoggingOptions) {
    const root = pino(
      {
        base: options.nodeId === undefined ? {} : { node_id: options.nodeId },
        level: 'trace',
        timestamp: pino.stdTimeFunctions.isoTime,
        // Errors are made plain by redactFields; pino's own serializer would take them for something else.
        serializers: { err: (err: unknown) => err },
        formatters: { level: (label) => ({ level: label }), log: redactFields },
        hooks: {
          logMethod(args, method) {
            const [fields, message, ...rest] = args;
            method.apply(this, [fields, typeof message === 'string' ? redactText(message) : message, ...rest]);
          },
        },
      },
      streamOf(options),
    );
    const make = (target: LogTarget): Logger => root.child({ target }, { level: this.#base.get(target) ?? 'info' });
    for (const target of logTargets) this.#base.set(target, options.levels?.[target] ?? options.level);
    this.#targets = new Map(logTargets.map((target) => [target, make(target)]));
  }

  target(target: LogTarget): Log {
    return this.#logger(target);
  }

  /** Takes effect at once for everybody who holds the logger of the target. A level that was lent to it for a while goes on until then. */
  setBase(target: LogTarget, level: LogLevel): void {
    this.#base.set(target, level);
    if (!this.#loans.has(target)) this.#apply(target, level);
  }

  /** For good, or until the configuration is read again; with `ttlMs` for so long, and then the base again. In place of one that was lent before. */
  setLevel(target: LogTarget, level: LogLevel, ttlMs: number | null = null): void {
    clearTimeout(this.#loans.get(target)?.timer);
    this.#loans.delete(target);
    if (ttlMs === null) return this.setBase(target, level);
    const timer = setTimeout(() => this.#giveBack(target), ttlMs).unref();
    this.#loans.set(target, { untilMs: Date.now() + ttlMs, timer });
    this.#apply(target, level);
  }

  /** All targets, in their order. */
  rows(): LogLevelRow[] {
    return [...this.#targets].map(([target, { level }]) => ({
      target,
      level,
      until_ms: this.#loans.get(target)?.untilMs ?? null,
      base: this.#base.get(target) ?? level,
    }));
  }

  levels(): Readonly<Record<LogTarget, LogLevel>> {
    const levels = [...this.#targets].map(([target, logger]) => [target, logger.level]);
    // One logger per target, and pino only has the levels that it was given.
    return Object.fromEntries(levels) as Record<LogTarget, LogLevel>;
  }

  #giveBack(target: LogTarget): void {
    this.#loans.delete(target);
    const level = this.#base.get(target) ?? 'info';
    this.#apply(target, level);
    this.target('service').info({ log_target: target, log_level: level }, 'a log level went back');
  }

  #apply(target: LogTarget, level: LogLevel): void {
    const logger = this.#logger(target);
    if (logger.level === level) return;
    logger.level = level;
    this.changed(target);
  }

  #logger(target: LogTarget): Logger {
    const logger = this.#targets.get(target);
    if (logger === undefined) throw new Error(`unknown log target ${String(target)}`);
    return logger;
  }
}

/** libdatachannel's levels, one down: what is an error to the library is mostly a peer that went away. */
const nativeLevels = {
  Verbose: 'trace',
  Debug: 'trace',
  Info: 'debug',
  Warning: 'info',
  Error: 'warn',
  Fatal: 'error',
} as const satisfies Record<string, keyof Log>;
export type NativeLevel = keyof typeof nativeLevels;

/** A sink for libdatachannel's own log. */
export function nativeLog(log: Log): (level: NativeLevel, text: string) => void {
  return (level, text) => {
    log[nativeLevels[level]]({ text }, 'native log');
  };
}

/** The most talkative level that libdatachannel should have while `webrtc_native` has this level. Never Verbose: that one has packets. */
export function nativeLevelFor(level: LogLevel): NativeLevel {
  const levels: Record<LogLevel, NativeLevel> = {
    trace: 'Debug',
    debug: 'Info',
    info: 'Warning',
    warn: 'Error',
    error: 'Fatal',
    silent: 'Fatal',
  };
  return levels[level];
}
