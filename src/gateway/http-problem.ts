/** How the HTTP routes say no: an RFC 9457 problem document with a code of ours. */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export const noStore = { 'cache-control': 'no-store' } as const;

export function problem(
  c: Context,
  status: ContentfulStatusCode,
  code: string,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify({ type: `urn:holdfast:error:${code}`, title, status, code });
  return c.body(body, status, { 'content-type': 'application/problem+json', ...noStore, ...headers });
}
