'use client';

import { useEffect } from 'react';

/** The page's own script, once React has made the page its own. */
export function PageScript() {
  useEffect(() => {
    const script = document.createElement('script');
    script.type = 'module';
    script.src = '/app.js';
    document.body.append(script);
  }, []);
  return null;
}
