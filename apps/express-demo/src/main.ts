import { launch } from '@sess/demo-kit';
import { createApp } from './app.ts';

launch({ framework: 'Express', command: 'npm start', createListener: createApp });
