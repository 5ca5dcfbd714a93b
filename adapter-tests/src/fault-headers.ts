/** What an answer to a fault of the store has to get right. */
export function faultHeaders({ status, headers }: Response): {
  status: number;
  retryAfter: string | null;
  cacheControl: string | null;
  cookies: string[];
} {
  return {
    status,
    retryAfter: headers.get('retry-after'),
    cacheControl: headers.get('cache-control'),
    cookies: headers.getSetCookie(),
  };
}
