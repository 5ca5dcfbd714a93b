import type { NextConfig } from 'next';

/** What ioredis and proper-lockfile ask Node.js for, and browsers do not have. */
const absent = ['child_process', 'dgram', 'diagnostics_channel', 'dns', 'fs', 'net', 'tls'];

const config: NextConfig = {
  // A page whose mistake stops a build is there in development alone.
  pageExtensions: process.env.NODE_ENV === 'development' ? ['ts', 'tsx', 'dev.tsx'] : ['ts', 'tsx'],
  experimental: { useCache: true },
  // For the control page, which takes to the browser what belongs to no browser.
  webpack(config, { isServer, webpack }) {
    if (isServer) return config;
    const withoutScheme = new webpack.NormalModuleReplacementPlugin(/^node:/, (resource: { request: string }) => {
      resource.request = resource.request.slice('node:'.length);
    });
    const fallback = { ...config.resolve.fallback, ...Object.fromEntries(absent.map((name) => [name, false])) };
    return { ...config, resolve: { ...config.resolve, fallback }, plugins: [...config.plugins, withoutScheme] };
  },
};

/** The same app, as far as its files say so, in Next.js's other way to render. */
const components: NextConfig = {
  pageExtensions: ['components.tsx'],
  cacheComponents: true,
  partialPrefetching: true,
  distDir: 'dist/components',
};

export default process.env['FIXTURE'] === 'components' ? components : config;
