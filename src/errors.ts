/** The one error class of the edges. Compare by `code`; texts come from the failure table (machines/failure.ts). */
import { failureTable, type Failure, type FailureCode } from '../machines/failure.js';

export class AppError extends Error {
  readonly code: FailureCode;
  /** For people: what exactly was wrong. No secrets, never parsed. */
  readonly detail: string;

  constructor(code: FailureCode, detail = '', options?: { cause?: unknown }) {
    super(detail === '' ? failureTable[code].peer : `${failureTable[code].peer} ${detail}`, options);
    this.name = 'AppError';
    this.code = code;
    this.detail = detail;
  }

  static from(failure: Failure): AppError {
    return new AppError(failure.code, failure.detail);
  }
}
