/**
 * The circuit breaker of a tube's restarts, as a value: open after so many failures in a row, half-open after a wait, closed again after so many
 * successes. It says what the state is; the restart machine says what that means and owns the timer (Nygard, Release It!, ch. 5).
 */
export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open' }
  | { readonly kind: 'half_open'; readonly successes: number };

export const closedBreaker: BreakerState = { kind: 'closed', failures: 0 };

export function afterFailure(state: BreakerState, failureThreshold: number): BreakerState {
  if (state.kind !== 'closed') return { kind: 'open' };
  const failures = state.failures + 1;
  return failures >= failureThreshold ? { kind: 'open' } : { kind: 'closed', failures };
}

export function afterSuccess(state: BreakerState, successThreshold: number): BreakerState {
  if (state.kind === 'closed') return closedBreaker;
  const successes = state.kind === 'half_open' ? state.successes + 1 : 1;
  return successes >= successThreshold ? closedBreaker : { kind: 'half_open', successes };
}

/** The wait is over: one trial is allowed. */
export function afterOpenWait(state: BreakerState): BreakerState {
  return state.kind === 'open' ? { kind: 'half_open', successes: 0 } : state;
}
