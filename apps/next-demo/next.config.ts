import type { NextConfig } from 'next';

/** As in the other demos, but for the scripts that Next.js writes into its pages. */
const policy =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const config: NextConfig = {
  poweredByHeader: false,
  headers: async () => [
    {
      source: '/',
      headers: [
        { key: 'Content-Security-Policy', value: policy },
        { key: 'X-Content-Type-Options', value: 'nosniff' },
        { key: 'Referrer-Policy', value: 'same-origin' },
      ],
    },
  ],
};

export default config;
