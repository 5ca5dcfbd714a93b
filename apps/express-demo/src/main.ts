import { launch } from '@sess/demo-kit';
import { createApp } from './app.ts';

launch({ framework: 'Express', createListener: createApp });
